"""Follow ESPnet's train.log and tell on the terminal how training goes."""

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tqdm import tqdm

POLL_SECONDS = 0.5
SHOWN = ("loss", "loss_ctc", "loss_att", "loss_fgw", "cer_ctc", "cer", "acc")

BAR = "{desc} | {n_fmt}/{total_fmt} epochs, {elapsed} passed, {remaining} left"
STARTED = re.compile(r"(\d+)/(\d+)epoch started")
BATCHES = re.compile(r"(\d+)epoch:train:\d+-(\d+)batch: (.*)")
RESULTS = re.compile(r"(\d+)epoch results: (.*)")
SECTION = re.compile(r"\[(train|valid)\] (.*?)(?=, \[|$)")
STATISTIC = re.compile(r"(\w+)=([-+\d.e]+|nan|inf)(?=,|$)")


def follow(log: Path, is_over: Callable[[], bool]) -> Iterator[str]:
    """Yield the lines written to ``log`` from now on, across log rotation, until ``is_over()``."""
    skip = log.stat().st_ino if log.exists() else None  # the log of an earlier run, soon rotated away
    rest, position, inode = "", 0, None
    while True:
        over = is_over()
        if log.exists() and log.stat().st_ino != skip:
            if log.stat().st_ino != inode:
                inode, position, rest = log.stat().st_ino, 0, ""
            with log.open("rb") as stream:
                stream.seek(position)
                new = stream.read()
            position += len(new)
            *lines, rest = (rest + new.decode("utf-8", errors="replace")).split("\n")
            yield from lines
        if over:
            return
        time.sleep(POLL_SECONDS)


def watch_training(log: Path, is_over: Callable[[], bool]) -> None:
    """Show a bar over the epochs, and a line with the error rates after each, until training ends."""
    with tqdm(desc="training starts", bar_format=BAR) as bar:
        for line in follow(log, is_over):
            if match := STARTED.search(line):
                bar.initial = bar.initial or int(match[1]) - 1  # a resumed training
                bar.total, bar.n = int(match[2]), int(match[1]) - 1
                bar.set_description_str(f"epoch {match[1]}")
            elif match := BATCHES.search(line):
                bar.set_description_str(f"epoch {match[1]}, batch {match[2]}: {describe(match[3])}")
            elif match := RESULTS.search(line):
                bar.n = int(match[1])
                bar.write(f"epoch {match[1]}/{bar.total}: {describe_results(match[2])}")
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
