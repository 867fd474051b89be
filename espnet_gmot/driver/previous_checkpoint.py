"""A copy of the last whole checkpoint, because ESPnet writes the next one over it (espnet#5407)."""

import logging
import shutil
from pathlib import Path

from espnet_gmot.files import write_aside
from espnet_gmot.saved import read_saved


class PreviousCheckpoint:
    """``checkpoint.pth.previous``, which a training goes on from that was killed while it saved.

    Args:
        checkpoint: of the training, which need not be there yet.
    """

    def __init__(self, checkpoint: Path):
        self._checkpoint = checkpoint
        self._path = checkpoint.with_name(checkpoint.name + ".previous")
        self._copied: int | None = None

    def keep(self) -> None:
        """Copy the checkpoint if ESPnet has finished one since the last call; meant to be called often.

        A copy that cannot be made is a warning, once an epoch: the training goes on.
        """
        written = self._finished()
        if written in (None, self._copied):
            return
        self._copied = written
        try:
            with write_aside(self._path) as aside:
                shutil.copy2(self._checkpoint, aside)
                if self._finished() != written:
                    raise OSError("the next one was being written")
        except OSError as error:
            why = "should a kill cut off the next one, training goes on from an older copy, or begins anew"
            logging.warning("no copy of %s (%s): %s", self._checkpoint, error, why)

    def _finished(self) -> int | None:
        """When the checkpoint was written, in ns; None while it is: ESPnet makes ``latest.pth`` after it."""
        try:
            written = self._checkpoint.stat().st_mtime_ns
            linked = self._checkpoint.with_name("latest.pth").lstat().st_mtime_ns
        except FileNotFoundError:
            return None
        return written if linked >= written else None

    def restore(self) -> bool:
        """Put the copy in the place of the checkpoint, if there is a whole one."""
        if read_saved(self._path, weights_only=False) is None:
            return False
        self._path.replace(self._checkpoint)
        return True

    def remove(self) -> None:
        """Remove the copy, of a training that has ended."""
        self._path.unlink(missing_ok=True)
