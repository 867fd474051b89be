"""What a training or its statistics are made from, besides the data: short texts that change with it."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from espnet_gmot.driver.training_yaml import merge
from espnet_gmot.errors import InputError


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
    merged, name = config, None
    for argument in arguments:
        if argument.startswith("--"):
            name, _, argument = argument[2:].partition("=")
            if not argument:
                continue
        if name is None:
            raise InputError(f"{argument} belongs to no option; write --name value in --asr_args")
        path, separator, value = argument.partition("=")
        if name.endswith("_conf") and separator:
            change = yaml.safe_load(value)
            for key in reversed([name, *path.split(".")]):
                change = {key: change}
            merged = merge(merged, change)
        else:
            merged = merged | {name: yaml.safe_load(argument)}
    return merged


def front_end_key(config: dict[str, Any]) -> str:
    """Describe the features: statistics hold for these alone."""
    return _hash(json.dumps([config.get(key) for key in ("frontend", "frontend_conf")], sort_keys=True))


def training_key(config: dict[str, Any]) -> str:
    """Describe the whole configuration, however it is written, with the teachers that it names."""
    return f"{_hash(json.dumps(config, sort_keys=True, default=str))} {teacher_key(config)}"


def teacher_key(config: dict[str, Any]) -> str:
    """Describe the teachers, cached or local, and the projection that a training uses, missing ones too."""
    preprocessor, model = (config.get(key) or {} for key in ("preprocessor_conf", "model_conf"))
    parts = []
    if cache := preprocessor.get("teacher_cache"):
        meta = Path(cache) / "meta.json"
        parts.append(meta.is_file() and json.loads(meta.read_text(encoding="utf-8"))["fingerprint"])
    for teacher in filter(None, (preprocessor.get("teacher"), model.get("teacher"))):
        parts.append([_stamp(path) for path in sorted(Path(teacher).glob("*"))])
    if projection := model.get("projection"):
        parts.append(Path(projection).is_file() and hashlib.sha1(Path(projection).read_bytes()).hexdigest())
    return _hash(json.dumps(parts))


def _stamp(path: Path) -> list[Any]:
    status = path.stat()
    return [path.name, status.st_size, int(status.st_mtime)]


def _hash(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()[:16]
