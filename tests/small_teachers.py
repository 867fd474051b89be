"""Teachers of many families with random weights, and what is done to their files."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, BertTokenizerFast

from espnet_gmot.teacher.transcript import TeacherText, read_transcript

CHARACTERS = "我们爱学习语言和音乐天地人大小"
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *CHARACTERS]
POSITIONS = 24

SMALL = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
    "max_position_embeddings": POSITIONS, "pad_token_id": 0,
}  # fmt: skip
SEQUENCE_TO_SEQUENCE = {
    "d_model": 16, "encoder_layers": 2, "decoder_layers": 1, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
    "max_position_embeddings": POSITIONS, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3,
    "decoder_start_token_id": 2,
}  # fmt: skip
RELATIVE = {"relative_attention": True, "position_biased_input": False, "pos_att_type": ["p2c", "c2p"]}

# Model type, its options, and how many tokens it takes at most (None: any number).
FAMILIES: dict[str, tuple[str, dict, int | None]] = {
    "bert": ("bert", SMALL, 24),
    "electra": ("electra", {**SMALL, "embedding_size": 8}, 24),
    "albert": ("albert", {**SMALL, "embedding_size": 8}, 24),
    "distilbert": (
        "distilbert",
        {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32, "max_position_embeddings": POSITIONS},
        24,
    ),
    "roberta": ("roberta", SMALL, 23),
    "roberta, padding at 1": ("roberta", {**SMALL, "pad_token_id": 1}, 22),
    "xlm-roberta": ("xlm-roberta", SMALL, 23),
    "mpnet": ("mpnet", {**SMALL, "pad_token_id": 1}, 22),
    "roformer": ("roformer", SMALL, 24),
    "deberta-v2": ("deberta-v2", SMALL, 24),
    "deberta-v2, relative": ("deberta-v2", {**SMALL, **RELATIVE}, None),
    "ibert": ("ibert", {**SMALL, "pad_token_id": 1}, 22),
    "bart": ("bart", SEQUENCE_TO_SEQUENCE, 24),
    "mbart": ("mbart", SEQUENCE_TO_SEQUENCE, 24),
    "pegasus": ("pegasus", SEQUENCE_TO_SEQUENCE, 24),
    "t5": ("t5", {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}, None),
    "gpt2": (
        "gpt2",
        {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": POSITIONS, "eos_token_id": 3},
        24,
    ),
}  # fmt: skip


def read_texts(tokenizer, texts: Iterable[str]) -> dict[str, TeacherText]:
    """Each text as the teacher reads it."""
    return {text: read_transcript(tokenizer, text) for text in texts}


def save_model(directory: Path, family: str = "bert", auto: type = AutoModel, **options) -> Path:
    """Write model and tokenizer of a family; ``auto`` may be one with a head."""
    model_type, usual, _ = FAMILIES[family]
    torch.manual_seed(0)
    config = AutoConfig.for_model(model_type, **{"vocab_size": len(VOCABULARY), **usual, **options})
    auto.from_config(config).save_pretrained(directory)
    save_tokenizer(directory)
    return directory


def save_tokenizer(directory: Path, *more: str, **options) -> None:
    """Write a character tokenizer; ``more`` tokens follow."""
    vocabulary = directory / "vocab.txt"
    vocabulary.write_text("\n".join([*VOCABULARY, *more]) + "\n", encoding="utf-8")
    BertTokenizerFast(str(vocabulary), **options).save_pretrained(directory)
    vocabulary.unlink()


def change_weights(directory: Path, change: Callable[[dict], dict]) -> None:
    """Write ``change`` of the weights in place of the weights."""
    path = directory / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def change_config(directory: Path, **values) -> None:
    """Write other values into ``config.json``."""
    path = directory / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, **values}), encoding="utf-8")
