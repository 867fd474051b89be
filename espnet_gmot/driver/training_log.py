"""Follow ESPnet's train.log, or several, and tell on the terminal how training goes."""

import os
import re
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from espnet_gmot.data.epoch_lines import EPOCH_LINE, SECTION

POLL_SECONDS = 0.5
SHOWN = ("loss", "loss_ctc", "loss_att", "loss_fgw", "cer_ctc", "cer", "acc")

BAR = "{desc} | {n_fmt}/{total_fmt} epochs, {elapsed} passed, {remaining} left"
STARTED = re.compile(r"(\d+)/(\d+)epoch started")
FINISHED_BEFORE = re.compile(r"The training has already reached at max_epoch: (\d+)")  # of the next epoch
BATCHES = re.compile(r"(\d+)epoch:train:\d+-(\d+)batch: (.*)")
STATISTIC = re.compile(r"(\w+)=([-+\d.e]+|nan|inf)(?=,|$)")


class Tail:
    """What is written to a log from a moment on, across log rotation, line by line.

    Args:
        log: the file, which need not be there yet.
        since: seconds since the epoch; a log that was written last before is of an earlier run, and soon
            rotated away. None is the moment of this call.
    """

    def __init__(self, log: Path, since: float | None = None):
        self._log = log
        is_earlier = log.exists() and (since is None or log.stat().st_mtime < since)
        self._earlier = _state(log) if is_earlier else None
        self._rest, self._position = "", 0
        self._inode: int | None = None

    def new_lines(self) -> list[str]:
        """Return the lines that were completed since the last call."""
        if not self._log.exists() or _state(self._log) == self._earlier:
            return []
        inode, size = self._log.stat().st_ino, self._log.stat().st_size
        if inode != self._inode or size < self._position:  # a new file may get the number of a removed one
            self._inode, self._position, self._rest = inode, 0, ""
        with self._log.open("rb") as stream:
            stream.seek(self._position)
            new = stream.read()
        self._position += len(new)
        *lines, self._rest = (self._rest + new.decode("utf-8", errors="replace")).split("\n")
        return lines


def _state(log: Path) -> tuple[int, int]:
    """What differs between an earlier run's log and one that is being written."""
    return log.stat().st_ino, log.stat().st_mtime_ns


def watch_trainings(logs: Sequence[Path], is_over: Callable[[], bool], since: float | None = None) -> None:
    """Show for each log a bar over the epochs, and a line with the error rates after each epoch.

    Args:
        logs: ESPnet's ``train.log`` of each training; several are told apart by their directories.
        is_over: whether all trainings have ended.
        since: when they were started, in seconds since the epoch; None is now.
    """
    names = [f"{log.parent.name}: " if len(logs) > 1 else "" for log in logs]
    with ExitStack() as stack:
        bars = [
            stack.enter_context(tqdm(desc=f"{name}training starts", bar_format=BAR, position=position))
            for position, name in enumerate(names)
        ]
        tails = [Tail(log, since) for log in logs]
        while True:
            over = is_over()
            for name, bar, tail in zip(names, bars, tails, strict=True):
                for line in tail.new_lines():
                    _show(name, bar, line)
            if over:
                return
            time.sleep(POLL_SECONDS)


def _show(name: str, bar: tqdm, line: str) -> None:
    if match := STARTED.search(line):
        bar.initial = bar.initial or int(match[1]) - 1  # a resumed training
        bar.total, bar.n = int(match[2]), int(match[1]) - 1
        bar.set_description_str(f"{name}epoch {match[1]}")
    elif match := FINISHED_BEFORE.search(line):
        bar.initial = bar.total = bar.n = int(match[1]) - 1
        bar.set_description_str(f"{name}was trained before")
    elif match := BATCHES.search(line):
        bar.set_description_str(f"{name}epoch {match[1]}, batch {match[2]}: {describe(match[3])}")
    elif match := EPOCH_LINE.search(line):
        bar.n = int(match[1])
        bar.write(f"{name}epoch {match[1]}/{bar.total}: {describe_results(match[2])}")
        bar.refresh()


def describe(statistics: str) -> str:
    """Pick what matters from ``name=value, …``.

    Example:
        >>> describe("iter_time=0.1, loss_ctc=3.2, loss=3.2, cer_ctc=0.5, grad_norm=1.0")
        'loss=3.2, loss_ctc=3.2, cer_ctc=0.5'
    """
    found = {name: value for name, value in STATISTIC.findall(statistics) if value != "nan"}
    return ", ".join(f"{name}={found[name]}" for name in SHOWN if name in found)


def describe_results(results: str) -> str:
    """Do the same for the line ``[train] …, [valid] …`` that ends an epoch.

    Example:
        >>> describe_results("[train] loss=3.2, time=5 seconds, [valid] loss=4.1, cer_ctc=0.6, [att] x=1")
        'train loss=3.2 | valid loss=4.1, cer_ctc=0.6'
    """
    return " | ".join(f"{name} {describe(text)}" for name, text in SECTION.findall(results))


def is_gone(pid: int) -> bool:
    """Tell whether process ``pid`` has ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
