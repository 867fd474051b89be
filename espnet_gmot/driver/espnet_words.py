"""Paths as words of a command line that ESPnet reads as something more than a path."""

import json
from pathlib import Path

import yaml

from espnet_gmot.errors import InputError


def triple(path: str | Path, name: str, kind: str) -> str:
    """ESPnet's word for a table of data, e.g. ``dump/raw/dev/text,text,text``.

    Raises:
        InputError: ESPnet would read another path in it.
    """
    if "," in str(path):
        raise InputError(f"{path} has a comma, at which ESPnet ends the path of a table; choose another name")
    return f"{path},{name},{kind}"


def yaml_value(path: str | Path) -> str:
    """The path as ESPnet reads it in ``--normalize_conf stats_file=PATH``, where it is a YAML.

    Example:
        >>> yaml_value("exp/stats.npz"), yaml_value("exp #1/stats.npz")
        ('exp/stats.npz', '"exp #1/stats.npz"')
    """
    try:
        is_plain = yaml.safe_load(str(path)) == str(path)
    except yaml.YAMLError:
        is_plain = False
    return str(path) if is_plain else json.dumps(str(path), ensure_ascii=False)
