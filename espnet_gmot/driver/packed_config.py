"""The configuration that goes into an archive, by which an ESPnet without this plugin says what it lacks."""

import logging
from pathlib import Path

import yaml

from espnet_gmot import NAME_IN_ARCHIVE
from espnet_gmot.files import write_text
from espnet_gmot.yaml_mapping import read_mapping


def packed_config(config: Path) -> Path:
    """Return the ``config.yaml`` to pack; of a GM-OT model a copy in ``packed/`` beside it.

    All that an ESPnet without the plugin says of ``model: gmot`` is which models it knows, and then the name.
    So in the copy the name tells what to install. With the plugin it stands for the same model.

    Args:
        config: ``config.yaml`` of the training.

    Raises:
        InputError: it is missing or no configuration.
    """
    content = read_mapping(config, "name the config.yaml of the training")
    if content.get("model") != "gmot":
        return config
    packed = config.parent / "packed" / config.name
    packed.parent.mkdir(exist_ok=True)
    renamed = content | {"model": NAME_IN_ARCHIVE}
    write_text(packed, yaml.safe_dump(renamed, allow_unicode=True, sort_keys=False))
    logging.warning(
        "whoever loads this archive needs the plugin (pip install espnet_gmot); for one that ESPnet alone "
        "loads run python3 -m espnet_gmot.bin.export, and pack what it writes"
    )
    return packed
