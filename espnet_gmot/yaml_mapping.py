"""Reading a YAML file of keys, such as a training's configuration."""

from pathlib import Path
from typing import Any

import yaml

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file
from espnet_gmot.text_files import refuse_wide_characters


def read_mapping(path: str | Path, cure: str) -> dict[str, Any]:
    """Read a YAML mapping.

    Args:
        path: the file.
        cure: what to do if it cannot be had, e.g. "train again with stage 11".

    Raises:
        InputError: the file is missing, empty, not UTF-8, no YAML or no mapping of names, or a block of
            options, whose key ends in ``_conf``, is none.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "config.yaml"
        >>> _ = path.write_text("seed: 1")
        >>> read_mapping(path, "train again with stage 11")
        {'seed': 1}
    """
    content = require_file(path, cure).read_bytes()
    refuse_wide_characters(path)
    try:
        found = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2025-02-30
        raise InputError(f"{path} is no YAML ({error}); correct it, or {cure}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no keys; {cure}")
    if odd := [key for key in found if not isinstance(key, str)]:
        raise InputError(f"{path} has the key {odd[0]!r}, which is no name; correct it, or {cure}")
    blocks = {key: found[key] for key in found if key.endswith("_conf")}
    if odd := [key for key, block in blocks.items() if not isinstance(block, dict | None)]:
        raise InputError(f"{path}: {odd[0]} holds {blocks[odd[0]]!r} and no keys; correct it, or {cure}")
    return found
