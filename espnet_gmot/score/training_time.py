"""Seconds that ESPnet spent in training, from what its trainer leaves in the experiment's directory."""

import datetime
import logging
import re
from pathlib import Path

import humanfriendly

from espnet_gmot.data.epoch_lines import epoch_lines
from espnet_gmot.saved import read_saved

PHASES = ("train", "valid")
PHASE_TIME = re.compile(r"\[(\w+)\] [^\[]*?\btime=([^=]*), total_count=")


def training_seconds(experiment: str | Path) -> float | None:
    """Sum the time of training and validation over all epochs, resumed runs included.

    ESPnet's reporter keeps the time of each finished epoch in ``checkpoint.pth``. If that file is
    gone or damaged, the lines ``Nepoch results`` of ``train*.log`` are read instead; they round
    to about a second. Start-up, saving and epochs broken off are not in either.

    Args:
        experiment: directory of one training, e.g. ``exp/asr_train_ctc``.

    Returns:
        Seconds, or None if neither source has an epoch.
    """
    epochs = _epochs_of_checkpoint(Path(experiment) / "checkpoint.pth") or _epochs_of_logs(Path(experiment))
    return sum(epochs.values()) if epochs else None


def _epochs_of_checkpoint(path: Path) -> dict[int, float]:
    if not path.is_file():
        return {}
    states = read_saved(path, weights_only=False)  # its record is pickled
    stats = (states or {}).get("reporter", {}).get("stats")
    if stats is None:
        reason = "was cut off" if states is None else "has no record of its epochs"
        logging.warning(f"{path} {reason}; reading the training time from train*.log")
        return {}
    return {
        epoch: sum(_seconds_of_record(phases[phase]["time"]) for phase in PHASES if phase in phases)
        for epoch, phases in stats.items()
    }


def _seconds_of_record(time: datetime.timedelta | dict[str, float]) -> float:
    """ESPnet 202511 stores a timedelta, 202611 a dictionary with one entry."""
    return time.total_seconds() if isinstance(time, datetime.timedelta) else time["__timedelta_seconds__"]


def _epochs_of_logs(experiment: Path) -> dict[int, float]:
    """An epoch run twice, after a kill before its checkpoint, counts as in the newest log."""
    epochs = {}
    for epoch, results in epoch_lines(experiment):
        times = {phase: _seconds_of_span(span) for phase, span in PHASE_TIME.findall(results)}
        epochs[epoch] = sum(times.get(phase, 0.0) for phase in PHASES)
    return epochs


def _seconds_of_span(span: str) -> float:
    """Read what humanfriendly writes as ``1 hour, 2 minutes and 5.5 seconds`` and reads by parts only."""
    return sum(map(humanfriendly.parse_timespan, re.split(", | and ", span)))
