"""What a stage needs of earlier ones."""

from pathlib import Path

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file


def need(path: str | Path, stage: int) -> Path:
    """Return the path of a file that an earlier stage makes.

    Raises:
        InputError: it is missing or empty; names the stage.
    """
    return require_file(path, f"run stage {stage} first")


def need_model(path: Path, option: str) -> Path:
    """Return the path of a checkpoint that an option names.

    Raises:
        InputError: there is none; lists those that are there.
    """
    if not path.is_file():
        found = " ".join(sorted(other.name for other in path.parent.glob("valid.*.pth")))
        raise InputError(f"{path} does not exist; --{option} names one of: {found}")
    return path
