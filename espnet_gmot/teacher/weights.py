"""Whether the weights of a teacher are all in its files: what is missing, transformers draws at random."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import nn

from espnet_gmot.data.kaldi_text import first_names
from espnet_gmot.errors import InputError
from espnet_gmot.teacher.architecture import encoder_of, probe
from espnet_gmot.teacher.hub import Differences, model_from_pretrained

ADAPTER = "adapter_config.json"  # of the package peft
NAMED = 2  # weights that a message names

Weights = dict[str, nn.Parameter]


def load_encoder(name_or_dir: str, allow_download: bool) -> Any:
    """Load a teacher's encoder, whose weights are all in the files, finite and of the right shape.

    Weights on which no hidden state depends may be missing (poolers, decoders); they become 0, so that a
    teacher is the same at each loading.

    Raises:
        InputError: the teacher cannot be loaded, or its weights are not whole or only an adapter's.
    """
    if (Path(name_or_dir) / ADAPTER).exists():
        raise InputError(
            f"teacher directory {name_or_dir} has an adapter ({ADAPTER}), which would be left out; merge it "
            "into its model (merge_and_unload of peft) and save that with save_pretrained, or, to do without "
            "it, remove that file"
        )
    model, found = model_from_pretrained(name_or_dir, allow_download)
    encoder = encoder_of(model, name_or_dir)
    weights = dict(model.named_parameters(remove_duplicate=False))
    drawn = {*found.missing, *found.misshapen}
    whole = {id(weight) for name, weight in weights.items() if name not in drawn}  # perhaps by another name
    bad = {
        name: weight
        for name, weight in weights.items()
        if id(weight) not in whole or not weight.isfinite().all()
    }
    told = _that_hidden_states_tell(encoder, name_or_dir, bad)
    if misshapen := [name for name in told if name in found.misshapen]:
        _refuse_misshapen(misshapen, found, weights, name_or_dir)
    if missing := [name for name in told if name in found.missing]:
        _refuse_missing(missing, found, weights, name_or_dir)
    if told:
        raise InputError(
            f"teacher {name_or_dir} has weights that are NaN or infinite: {_some(told)}; its training "
            "diverged or its files are damaged; take another copy or checkpoint"
        )
    _refuse_further_layers(found, weights, f"{model.base_model_prefix}.", name_or_dir)
    with torch.no_grad():
        for weight in bad.values():
            weight.zero_()
    return encoder


def _that_hidden_states_tell(encoder: Any, name: str, weights: Weights) -> list[str]:
    """Name those weights on which a hidden state depends, by asking for its gradient."""
    if not weights:
        return []
    with torch.enable_grad():
        for weight in weights.values():
            weight.requires_grad_()
        total = torch.stack([state.sum() for state in probe(encoder, name)]).sum()
        if not total.requires_grad:
            return []
        gradients = torch.autograd.grad(total, list(weights.values()), allow_unused=True)
    return [name for name, gradient in zip(weights, gradients, strict=True) if gradient is not None]


def _refuse_misshapen(names: list[str], found: Differences, weights: Weights, teacher: str) -> NoReturn:
    by_config, in_files = (_shape(shape) for shape in (weights[names[0]].shape, found.misshapen[names[0]]))
    raise InputError(
        f"teacher {teacher}: {len(names)} of {len(weights)} weights have another shape than config.json "
        f"says: {names[0]} is {in_files} in the files and {by_config} by config.json; take both of one model"
    )


def _refuse_missing(names: list[str], found: Differences, weights: Weights, teacher: str) -> NoReturn:
    prefixes = Counter(
        other.removesuffix(name) for other in found.unexpected for name in names if other.endswith(f".{name}")
    )
    cure = "give the directory that save_pretrained of the whole model wrote"
    if prefixes:
        prefix = prefixes.most_common(1)[0][0]
        cure = f"the files call it {prefix}{names[0]} and so on: take {prefix!r} off the names and save again"
    elif found.unexpected:
        cure = f"the files hold others, such as {_some(found.unexpected)}; {cure}"
    raise InputError(
        f"teacher {teacher} lacks {len(names)} of {len(weights)} weights, which would be drawn at random: "
        f"{_some(names)}; {cure}"
    )


def _refuse_further_layers(found: Differences, weights: Weights, prefix: str, teacher: str) -> None:
    """Refuse a config.json that cuts the upper layers off: what it calls the last is not the last."""
    layers = {layer for layer in map(_any_layer, weights) if "#" in layer}
    if further := [name for name in found.unexpected if _any_layer(name.removeprefix(prefix)) in layers]:
        raise InputError(
            f"teacher {teacher} has weights of more layers than config.json says: {_some(further)}; correct "
            "the number of layers in config.json, or load the model and write it again with save_pretrained"
        )


def _any_layer(name: str) -> str:
    return re.sub(r"(?<=\.)\d+(?=\.)", "#", name)


def _some(names: Sequence[str]) -> str:
    return first_names(names, NAMED)


def _shape(shape: Iterable[int] | None) -> str:
    return "another" if shape is None else " × ".join(map(str, shape))
