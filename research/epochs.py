"""What ESPnet's trainer logged of each epoch."""

import re
from pathlib import Path

from espnet_gmot.data.epoch_lines import SECTION, epoch_lines

STATISTIC = re.compile(r"(\w+)=([-+\d.e]+)(?=,|$)")


def epoch_statistics(experiment: Path) -> dict[int, dict[str, float]]:
    """Read the statistics of all epochs from ``train*.log``, resumed runs included.

    Args:
        experiment: directory of one training.

    Returns:
        epoch to ``train_NAME`` and ``valid_NAME``; statistics that are NaN are left out.
    """
    epochs = {}
    for epoch, results in epoch_lines(experiment):
        epochs[epoch] = {
            f"{phase}_{name}": float(value)
            for phase, text in SECTION.findall(results)
            for name, value in STATISTIC.findall(text)
        }
    return dict(sorted(epochs.items()))
