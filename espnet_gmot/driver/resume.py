"""Which files in an output directory were made from the inputs at hand, by this or an earlier run."""

import hashlib
import os
from pathlib import Path
from typing import Any

from espnet_gmot.files import write_aside

TABLES_BYTES = 10_000_000  # room for tables and logs beside the audio


def begin_or_resume(directory: Path, *inputs: Any) -> float:
    """Record ``inputs`` in ``directory`` and return the time since which files there stem from them.

    Args:
        directory: the output directory, made if need be.
        inputs: everything that the output depends on; compared through its ``repr``.

    Returns:
        Seconds since the epoch: when a run with these inputs first began.

    Example:
        >>> import tempfile
        >>> directory = Path(tempfile.mkdtemp())
        >>> begin_or_resume(directory, "a.wav", 16000) == begin_or_resume(directory, "a.wav", 16000)
        True
    """
    key = hashlib.sha256(repr(inputs).encode()).hexdigest()
    record = directory / ".made_from"
    if not record.exists() or record.read_text(encoding="utf-8") != key:
        with write_aside(record) as aside:
            aside.write_text(key, encoding="utf-8")
    return record.stat().st_mtime


def is_fresh(path: Path, since: float, source: str | None) -> bool:
    """Tell whether ``path`` was written after ``since`` and after its source file, if it has one."""
    if not path.exists():
        return False
    if source is not None and os.path.exists(source):
        since = max(since, os.stat(source).st_mtime)
    return path.stat().st_mtime >= since


def bytes_missing(directory: Path, estimate: int) -> int:
    """Bytes that a run still needs: its estimate without what ``directory`` holds, and the tables."""
    made = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    return max(0, estimate - made) + TABLES_BYTES
