"""What ESPnet's trainer logged of each epoch."""

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
