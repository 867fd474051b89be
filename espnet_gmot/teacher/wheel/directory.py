"""The Hugging Face directory that the file becomes: a BERT model, and XLM-R's tokenizer with fewer pieces."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from espnet_gmot.files import write_aside, write_text
from espnet_gmot.teacher.wheel.packed import PackedModel
from espnet_gmot.teacher.wheel.tokens import build_tokenizer, kept_ids
from espnet_gmot.teacher.wheel.vocabulary import MASK, Vocabulary

# Names in the file and in transformers' BertModel
MATRICES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


def write_directory(packed: PackedModel, vocabulary: Vocabulary, out: Path) -> int:
    """Write ``config.json``, ``model.safetensors`` (float16) and the tokenizer's files into ``out``.

    Returns:
        The number of parameters.

    Raises:
        InputError: a tensor is missing or not whole.
    """
    ids = kept_ids(packed, vocabulary)
    weights = {name: weight.half().contiguous() for name, weight in bert_weights(packed, ids).items()}
    with write_aside(out / "model.safetensors") as aside:  # safetensors lets its owner alone read a file
        save_file(weights, aside, metadata={"format": "pt"})
    _write_json(out / "config.json", _config(packed, ids))
    build_tokenizer(packed, ids, vocabulary).save(str(out / "tokenizer.json"))
    _write_json(out / "tokenizer_config.json", _tokenizer_config(packed))
    return sum(weight.numel() for weight in weights.values())


def bert_weights(packed: PackedModel, ids: Sequence[int]) -> dict[str, Tensor]:
    """Return the weights by transformers' names, the word embeddings of the pieces ``ids`` alone."""
    sizes = packed.sizes
    hidden, inner = sizes.hidden, sizes.feed_forward
    shapes = {"fi": (inner, hidden), "fo": (hidden, inner)}
    weights = {
        "embeddings.word_embeddings.weight": packed.matrix("emb.word", sizes.vocabulary, hidden, ids),
        "embeddings.position_embeddings.weight": packed.vector("emb.pos", sizes.positions, hidden),
        "embeddings.token_type_embeddings.weight": packed.vector("emb.type", sizes.token_types, hidden),
        "embeddings.LayerNorm.weight": packed.vector("emb.ln.w", hidden),
        "embeddings.LayerNorm.bias": packed.vector("emb.ln.b", hidden),
    }
    for layer in range(sizes.layers):
        ours = f"encoder.layer.{layer}"
        for short, name in MATRICES.items():
            rows, columns = shapes.get(short, (hidden, hidden))
            weights[f"{ours}.{name}.weight"] = packed.matrix(f"l{layer}.{short}.w", rows, columns)
            weights[f"{ours}.{name}.bias"] = packed.vector(f"l{layer}.{short}.b", rows)
        for short, name in NORMS.items():
            weights[f"{ours}.{name}.weight"] = packed.vector(f"l{layer}.{short}.w", hidden)
            weights[f"{ours}.{name}.bias"] = packed.vector(f"l{layer}.{short}.b", hidden)
    return weights


def _config(packed: PackedModel, ids: Sequence[int]) -> dict[str, Any]:
    sizes = packed.sizes
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": len(ids),
        "hidden_size": sizes.hidden,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "intermediate_size": sizes.feed_forward,
        "max_position_embeddings": sizes.positions,
        "type_vocab_size": sizes.token_types,
        "layer_norm_eps": sizes.epsilon,
        "hidden_act": "gelu",
        "pad_token_id": ids.index(packed.pad),
        "torch_dtype": "float16",
    }


def _tokenizer_config(packed: PackedModel) -> dict[str, Any]:
    bos, eos, pad, unk = (packed.pieces[i] for i in (packed.bos, packed.eos, packed.pad, packed.unk))
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",  # transformers 4 knows no other name, and 5 takes it
        "bos_token": bos,
        "cls_token": bos,
        "eos_token": eos,
        "sep_token": eos,
        "pad_token": pad,
        "unk_token": unk,
        "mask_token": MASK,
        "model_max_length": packed.sizes.positions,
        "clean_up_tokenization_spaces": False,
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
