"""A small teacher of each family with random weights, and a tokenizer of the kind that its models have."""

from dataclasses import dataclass
from pathlib import Path

import torch
from small_teachers import SEQUENCE_TO_SEQUENCE, SMALL
from small_tokenizers import tokenizer_of
from transformers import AutoConfig, AutoModel

DECODER = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
    "head_dim": 8, "intermediate_size": 32, "max_position_embeddings": 64, "pad_token_id": None,
    "bos_token_id": 0, "eos_token_id": 0,
}  # fmt: skip
ENCODER = SMALL | {"max_position_embeddings": 64}
BYTE_ENCODER = ENCODER | {"bos_token_id": 0, "eos_token_id": 1, "cls_token_id": 0, "sep_token_id": 1}


@dataclass(frozen=True)
class Family:
    """A family of models.

    Args:
        model_type: its name in transformers.
        options: of its config.
        kind: of its tokenizer, see `tokenizer_of`.
        front: the special tokens that its tokenizer puts before a text.
        behind: those behind it.
        is_causal: whether it reads from left to right.
    """

    model_type: str
    options: dict
    kind: str
    front: str
    behind: str
    is_causal: bool = False

    def save(self, directory: Path) -> str:
        """Write model and tokenizer."""
        tokenizer = tokenizer_of(self.kind, self.front, self.behind)
        torch.manual_seed(0)
        config = AutoConfig.for_model(self.model_type, **{"vocab_size": len(tokenizer), **self.options})
        AutoModel.from_config(config).float().save_pretrained(directory)
        tokenizer.save_pretrained(directory)
        return str(directory)


FAMILIES = {
    "BERT": Family("bert", ENCODER, "wordpiece", "[CLS]", "[SEP]"),
    "ERNIE": Family("ernie", ENCODER, "wordpiece", "[CLS]", "[SEP]"),
    "ELECTRA": Family("electra", ENCODER | {"embedding_size": 8}, "wordpiece", "[CLS]", "[SEP]"),
    "DistilBERT": Family(
        "distilbert",
        {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32, "max_position_embeddings": 64},
        "wordpiece", "[CLS]", "[SEP]",
    ),
    "ALBERT": Family("albert", ENCODER | {"embedding_size": 8}, "unigram", "[CLS]", "[SEP]"),
    "DeBERTa-v2": Family("deberta-v2", ENCODER, "unigram", "[CLS]", "[SEP]"),
    "ModernBERT": Family("modernbert", BYTE_ENCODER, "bytes", "[CLS]", "[SEP]"),
    "RoBERTa": Family("roberta", BYTE_ENCODER, "bytes", "<s>", "</s>"),
    "XLM-R": Family("xlm-roberta", ENCODER, "unigram", "<s>", "</s>"),
    "MPNet": Family("mpnet", ENCODER | {"pad_token_id": 1}, "wordpiece", "<s>", "</s>"),
    "XLNet": Family(
        "xlnet", {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 32}, "unigram", "", "<sep> <cls>"
    ),
    "BART (encoder)": Family(
        "bart", SEQUENCE_TO_SEQUENCE | {"max_position_embeddings": 64}, "bytes", "<s>", "</s>"
    ),
    "T5 (encoder)": Family(
        "t5", {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}, "unigram", "", "</s>"
    ),
    "GPT-2": Family(
        "gpt2",
        {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64, "bos_token_id": 0, "eos_token_id": 0},
        "bytes", "", "", is_causal=True,
    ),
    "OPT": Family(
        "opt",
        {"hidden_size": 16, "word_embed_proj_dim": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
         "ffn_dim": 32, "max_position_embeddings": 64},
        "bytes", "</s>", "", is_causal=True,
    ),
    "BLOOM": Family(
        "bloom", {"hidden_size": 16, "n_layer": 2, "n_head": 2}, "bytes", "", "", is_causal=True
    ),
    "GPT-NeoX (Pythia)": Family("gpt_neox", DECODER, "bytes", "", "", is_causal=True),
    "LLaMA": Family("llama", DECODER, "fallback", "<s>", "", is_causal=True),
    "Mistral": Family("mistral", DECODER, "fallback", "<s>", "", is_causal=True),
    "Gemma": Family("gemma", DECODER, "fallback", "<bos>", "", is_causal=True),
    "Qwen2": Family("qwen2", DECODER | {"vocab_size": 280}, "bytes", "", "", is_causal=True),
    "Qwen3": Family("qwen3", DECODER | {"vocab_size": 280}, "bytes", "", "", is_causal=True),
}  # fmt: skip
