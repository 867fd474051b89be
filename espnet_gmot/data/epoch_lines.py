"""The lines in which ESPnet's trainer logs what came of each epoch."""

import re
from collections.abc import Iterator
from pathlib import Path

# As in "7epoch results: [train] loss=3.2, time=1 minute and 2.5 seconds, total_count=700, [valid] loss=4.1"
EPOCH_LINE = re.compile(r"\b(\d+)epoch results: (.*)")
SECTION = re.compile(r"\[(train|valid)\] (.*?)(?=, \[|$)")


def train_logs(experiment: Path) -> list[Path]:
    """List the logs of a training, the newest last: ESPnet renames train.log when training starts again."""
    return sorted(experiment.glob("train*.log"), key=lambda path: path.stat().st_mtime)


def epoch_lines(experiment: Path) -> Iterator[tuple[int, str]]:
    """Give number and results of each epoch in the logs of a training.

    An epoch run twice, after a kill before its checkpoint, comes twice, as in the newest log last.

    Example:
        >>> import tempfile
        >>> directory = Path(tempfile.mkdtemp())
        >>> _ = (directory / "train.log").write_text("INFO: 7epoch results: [train] loss=3.2\\n")
        >>> list(epoch_lines(directory))
        [(7, '[train] loss=3.2')]
    """
    for log in train_logs(experiment):
        for epoch, results in EPOCH_LINE.findall(log.read_text(encoding="utf-8", errors="replace")):
            yield int(epoch), results
