"""A training that was killed while it saved must be able to start again."""

import zipfile
from pathlib import Path


def set_damaged_aside(checkpoint: str | Path) -> Path | None:
    """Rename a checkpoint that was cut off while being written, so that ESPnet does not load it.

    ESPnet saves in place (espnet#5407). ``torch.save`` writes a zip archive whose directory comes
    last, so a file that was cut off is no zip archive.

    Returns:
        The new name, or None if the checkpoint is whole or there is none.
    """
    checkpoint = Path(checkpoint)
    if not checkpoint.exists() or zipfile.is_zipfile(checkpoint):
        return None
    return checkpoint.replace(checkpoint.with_name(checkpoint.name + ".damaged"))
