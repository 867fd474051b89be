"""The shards into which ESPnet3 divides statistics and decoding: which of them still hold."""

import shutil
from pathlib import Path

from espnet_gmot.driver.freshness import DONE, Record
from espnet_gmot.driver.training_log import is_gone
from espnet_gmot.errors import InputError

MADE = ("split.*", "manifest.json", "*.scp", "*_shape", "*_stats.npz", "dataset")


def begin(record: Record, *directories: Path) -> None:
    """Begin a stage whose shards lie in these directories.

    ESPnet3 takes over every shard that is done, whatever it was made from, and stops at one that was killed.
    Here what was made from other inputs is removed, and so is the lock of a process that is gone.

    Args:
        record: what the stage makes its directory from.
        directories: each with ``split.N`` and what was merged from them.

    Raises:
        InputError: a process that runs makes shards from other inputs.
    """
    locks = [lock for directory in directories for lock in directory.glob("split.*/lock")]
    gone = [lock for lock in locks if _is_left_behind(lock)]
    if not record.continues():
        if living := [str(lock) for lock in locks if lock not in gone]:
            raise InputError(f"{living[0]}: a process that runs makes this from other inputs; wait for it")
        (record.directory / DONE).unlink(missing_ok=True)  # or what a kill leaves would look done
        for directory in directories:
            for path in [found for pattern in MADE for found in directory.glob(pattern)]:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    for lock in gone:
        lock.unlink(missing_ok=True)
    record.begin()


def _is_left_behind(lock: Path) -> bool:
    holder = lock.read_text().strip()
    return not holder or is_gone(int(holder))
