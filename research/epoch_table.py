"""What ESPnet's trainer logged of each epoch, as a table."""

import csv
import io
import re
from pathlib import Path

from espnet_gmot.score.training_time import EPOCH_LINE

# As in "[train] loss_ctc=4.013, loss=19.612, time=19.23 seconds, total_count=915, [valid] loss_ctc=6.112"
SECTION = re.compile(r"\[(train|valid)\] (.*?)(?=, \[|$)")
STATISTIC = re.compile(r"(\w+)=([-+\d.e]+)(?=,|$)")


def epoch_statistics(experiment: Path) -> dict[int, dict[str, float]]:
    """Read the statistics of all epochs from ``train*.log``, resumed runs included.

    Args:
        experiment: directory of one training.

    Returns:
        epoch to ``train_NAME`` and ``valid_NAME``; statistics that are NaN are left out.
    """
    epochs = {}
    # ESPnet renames train.log to train.1.log and so on when training starts again.
    for log in sorted(experiment.glob("train*.log"), key=lambda path: path.stat().st_mtime):
        for epoch, results in EPOCH_LINE.findall(log.read_text(encoding="utf-8", errors="replace")):
            epochs[int(epoch)] = {
                f"{phase}_{name}": float(value)
                for phase, text in SECTION.findall(results)
                for name, value in STATISTIC.findall(text)
            }
    return dict(sorted(epochs.items()))


def format_epochs(epochs: dict[int, dict[str, float]]) -> str:
    """Write the statistics as tab-separated text, an epoch a line."""
    names = list(dict.fromkeys(name for statistics in epochs.values() for name in statistics))
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(["epoch", *names])
    writer.writerows(
        [epoch, *(statistics.get(name, "") for name in names)] for epoch, statistics in epochs.items()
    )
    return text.getvalue()


def parse_epochs(text: str) -> dict[int, dict[str, float]]:
    """Read what :func:`format_epochs` wrote.

    Example:
        >>> parse_epochs(format_epochs({1: {"valid_cer_ctc": 0.5}}))
        {1: {'valid_cer_ctc': 0.5}}
    """
    return {
        int(line.pop("epoch")): {name: float(value) for name, value in line.items() if value}
        for line in csv.DictReader(io.StringIO(text), delimiter="\t")
    }
