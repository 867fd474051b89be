"""What a training or its statistics are made from, besides the data: inputs for its record."""

import argparse
import copy
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import yaml
from espnet2.utils.nested_dict_action import NestedDictAction

from espnet_gmot.driver.audio_key import audio_key
from espnet_gmot.driver.freshness import NewInput, content, stamp, stamp_of_directory
from espnet_gmot.errors import InputError

# What decides a cache's numbers besides the teacher's weights
OF_THE_CACHE = ("layer", "dtype", "random_init", "tokenizer")
CHOICES = ("context", "pool", "precision", "projection")  # they came later, and records lack the usual ones
USUAL = ("none", "float32", 0, None)
HAVE_INPUTS_OF_THEIR_OWN = ("model_conf", "preprocessor_conf")  # projection and teacher


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; correct --asr_args or --lm_args")


def with_arguments(config: dict[str, Any], arguments: Sequence[str]) -> dict[str, Any]:
    """Merge command-line arguments into a training YAML as ESPnet does.

    Args:
        config: what the YAML holds.
        arguments: ``--name value`` or ``--name_conf key=value``, where a key may be nested, ``a.b``.

    Returns:
        A new mapping.

    Raises:
        InputError: an argument does not belong to an option.

    Example:
        >>> with_arguments({"frontend_conf": {"n_fft": 512}}, ["--frontend_conf", "n_mels=40", "--seed", "1"])
        {'frontend_conf': {'n_fft': 512, 'n_mels': 40}, 'seed': 1}
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    names = {argument.partition("=")[0] for argument in arguments if argument.startswith("--")}
    for name in names:
        if name.endswith("_conf"):
            parser.add_argument(name, action=NestedDictAction, default=argparse.SUPPRESS)
        else:
            parser.add_argument(name, type=yaml.safe_load, nargs="*", default=argparse.SUPPRESS)
    try:
        given, strays = parser.parse_known_args(arguments, argparse.Namespace(**copy.deepcopy(config)))
    except yaml.YAMLError as error:
        parser.error(" ".join(str(error).split()))
    if strays:
        raise InputError(f"{strays[0]} belongs to no option; write --name value in --asr_args")
    merged = vars(given)
    for name in names:
        key = name[2:].replace("-", "_")
        if not name.endswith("_conf") and len(merged[key]) == 1:
            (merged[key],) = merged[key]
    return merged


def training_inputs(config: dict[str, Any]) -> dict[str, Any]:
    """Each key of the configuration, however it is written, the teachers and the files that it names."""
    return config | teacher_inputs(config) | file_inputs(config)


def file_inputs(config: dict[str, Any]) -> dict[str, Any]:
    """The files among the values, such as ``init_param`` (``FILE:KEY``), and the audio of lists of noise.

    Example:
        >>> file_inputs({"init_param": ["no_such_file.pth:encoder"], "encoder_conf": {"output_size": 8}})
        {}
    """
    others = {key: value for key, value in config.items() if key not in HAVE_INPUTS_OF_THEIR_OWN}
    inputs = {f"the file {path}": _stamp_of(path) for path in sorted(set(_files_among(others)))}
    for key in ("rir_scp", "noise_scp"):
        if config.get(key) and Path(config[key]).is_file():
            inputs[f"the audio of {key}"] = audio_key(config[key])
    return inputs


def _stamp_of(path: str) -> NewInput:
    return NewInput(stamp(path), os.stat(path).st_mtime)


def _files_among(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _files_among(each)
    elif isinstance(value, str):
        yield from filter(os.path.isfile, (value.partition(":")[0], value.partition("=")[2]))


def teacher_inputs(config: dict[str, Any]) -> dict[str, Any]:
    """The teachers, cached or local, and the projection that a training uses, missing ones too."""
    preprocessor, model = (config.get(key) or {} for key in ("preprocessor_conf", "model_conf"))
    inputs: dict[str, Any] = {}
    if cache := preprocessor.get("teacher_cache"):
        path = Path(cache) / "meta.json"
        meta = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"fingerprint": False}
        inputs["the teacher cache"] = meta["fingerprint"]
        inputs["the teacher cache's numbers"] = NewInput(
            [meta.get(key) for key in OF_THE_CACHE]
            + [f"{key} {meta[key]}" for key in CHOICES if meta.get(key) not in USUAL]
        )
    if teachers := list(filter(None, (preprocessor.get("teacher"), model.get("teacher")))):
        inputs["the teacher"] = [stamp_of_directory(teacher) for teacher in teachers]
    if projection := model.get("projection"):
        inputs["the projection"] = Path(projection).is_file() and content(projection)
    return inputs
