"""Read what torch has saved, if it is whole."""

import zipfile
from pathlib import Path
from typing import Any


def read_saved(path: str | Path, weights_only: bool = True) -> Any | None:
    """Read a file of ``torch.save`` that a kill may have cut off; its tensors stay on the disk until used.

    ``torch.save`` writes a zip archive: the pickled object, the tensors' records, and the archive's directory
    last. SIGKILL leaves a file without a directory. An exception, such as that of Ctrl-C, leaves one with a
    directory and without some records, because torch closes the archive on its way out.

    Args:
        path: of the file.
        weights_only: False also reads other objects than tensors, which may run code: for own files alone.

    Returns:
        The object, or None if the file is missing or was cut off.

    Raises:
        OSError: it cannot be opened or read.
    """
    try:
        with open(path, "rb") as file:
            file.read(1)  # an error of the disk is none of the file, and is_zipfile passes over it
            whole = zipfile.is_zipfile(file)
    except FileNotFoundError:
        return None
    if not whole:
        return None
    import torch  # takes seconds, which a stage without such a file need not wait

    try:
        return torch.load(path, map_location="cpu", mmap=True, weights_only=weights_only)
    except RuntimeError as error:
        if "PytorchStreamReader failed" not in str(error):
            raise
        return None
