"""Whether the weights of a teacher are all in its files: what is missing, transformers draws at random."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.architecture import encoder_of, probe
from espnet_gmot.teacher.hub import Differences, model_from_pretrained

NAMED = 2  # weights that a message names
CURE = "give the directory that save_pretrained of the whole model wrote"


def load_encoder(name_or_dir: str, allow_download: bool) -> Any:
    """Load a teacher's encoder, whose weights are all in the files, finite and of the right shape.

    Weights on which no hidden state depends may be missing (poolers, decoders); they become 0, so that a
    teacher is the same at each loading.

    Raises:
        InputError: the teacher cannot be loaded, or its weights are not whole.
    """
    model, found = model_from_pretrained(name_or_dir, allow_download)
    encoder = encoder_of(model, name_or_dir)
    weights = dict(model.named_parameters(remove_duplicate=False))
    infinite = [name for name, weight in weights.items() if not weight.isfinite().all()]
    doubtful = {*found.missing, *found.misshapen, *infinite}
    told = _that_hidden_states_tell(encoder, name_or_dir, {n: w for n, w in weights.items() if n in doubtful})
    _refuse_misshapen([n for n in told if n in found.misshapen], found, weights, name_or_dir)
    _refuse_missing([n for n in told if n in found.missing], len(weights), found.unexpected, name_or_dir)
    if damaged := [name for name in told if name in infinite]:
        raise InputError(
            f"teacher {name_or_dir} has weights that are NaN or infinite: {_some(damaged)}; its training "
            "diverged or its files are damaged; take another copy or checkpoint"
        )
    _refuse_further_layers(found.unexpected, weights, f"{model.base_model_prefix}.", name_or_dir)
    with torch.no_grad():
        for name in doubtful & weights.keys():
            weights[name].zero_()
    return encoder


def _that_hidden_states_tell(encoder: Any, name: str, weights: dict[str, nn.Parameter]) -> list[str]:
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


def _refuse_misshapen(
    names: list[str], found: Differences, weights: dict[str, nn.Parameter], teacher: str
) -> None:
    if not names:
        return
    first = names[0]
    by_config, in_files = _shape(weights[first].shape), found.misshapen[first]
    told = (
        f"not {by_config}"
        if in_files is None
        else f"{_shape(in_files)} in the files, {by_config} by config.json"
    )
    raise InputError(
        f"teacher {teacher}: {len(names)} of {len(weights)} weights have another shape than config.json says, "
        f"the first {first}: {told}; weights and config.json must be of one model"
    )


def _refuse_missing(names: list[str], total: int, unexpected: Sequence[str], teacher: str) -> None:
    if not names:
        return
    prefixes = Counter(
        name.removesuffix(missing) for name in unexpected for missing in names if name.endswith(f".{missing}")
    )
    if prefixes:
        prefix = prefixes.most_common(1)[0][0]
        hint = (
            f"the files name them {prefix}{names[0]} and so on: take {prefix!r} off the names and save again"
        )
    elif unexpected:
        hint = f"the files hold others, such as {_some(unexpected)}; {CURE}"
    else:
        hint = CURE
    raise InputError(
        f"teacher {teacher} lacks {len(names)} of {total} weights, which would be drawn at random: "
        f"{_some(names)}; {hint}"
    )


def _refuse_further_layers(
    unexpected: Iterable[str], weights: dict[str, nn.Parameter], prefix: str, teacher: str
) -> None:
    layers = set(map(_any_layer, weights))
    further = [
        name for name in unexpected if "#" in (key := _any_layer(name.removeprefix(prefix))) and key in layers
    ]
    if further:
        raise InputError(
            f"teacher {teacher} has weights of more layers than config.json says: {_some(further)}; correct "
            "the number of layers in config.json, or load the model and write it again with save_pretrained"
        )


def _any_layer(name: str) -> str:
    return re.sub(r"(?<=\.)\d+(?=\.)", "#", name)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")


def _shape(shape: Iterable[int]) -> str:
    return " × ".join(map(str, shape))
