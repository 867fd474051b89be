"""Would a shorter training have told the same? How the rows' order on dev settles, epoch by epoch."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import spearmanr

from espnet_gmot.score.markdown_table import UNKNOWN, markdown_table, number
from research.rows import FEWEST_ALIKE, RowResult, alike

WINDOW = 5  # epochs whose CER is averaged, as many as the models that are decoded average
SHARES = (0.25, 0.375, 0.5, 0.625, 0.75)
FAR = 1.0  # points of CER
NOTE = """\
Rows are ordered by CER on dev while training, mean of the seeds and of the last {window} epochs. "ρ":
Spearman's rank correlation with their order after {last} epochs; {rows} rows, {seeds} seeds each. "Better
half": of the rows that end in it. "Far pairs": of the pairs of rows that end {far:.0f} point or more apart,
the share that already stands in that order. A shorter training is the beginning of a longer one, because the
learning rate does not know when it ends."""


def shorter_section(rows: Sequence[RowResult]) -> str:
    """Write how well the order of the rows after a part of the epochs agrees with the order in the end."""
    compared = alike(rows)
    if not compared:
        return f"Fewer than {FEWEST_ALIKE} rows have as many epochs and seeds."
    curves = np.array([[_curve(row.runs[seed].epochs) for seed in sorted(row.runs)] for row in compared])
    _, seeds, last = curves.shape
    end = _smoothed(curves, last)
    better = end <= np.median(end)
    cells = []
    for epochs in dict.fromkeys(max(1, round(share * last)) for share in SHARES):
        early = _smoothed(curves, epochs)
        order, order_of_better = (spearmanr(early[of], end[of])[0] for of in (slice(None), better))
        cells.append([str(epochs), number(order, ".2f"), number(order_of_better, ".2f"), _far(early, end)])
    table = markdown_table(["epochs", "ρ", "ρ, better half", "far pairs"], cells, left=())
    return f"{table}\n\n{NOTE.format(window=WINDOW, last=last, rows=len(curves), seeds=seeds, far=FAR)}"


def _curve(epochs: dict[int, dict[str, float]]) -> list[float]:
    return [100 * statistics["valid_cer_ctc"] for _, statistics in sorted(epochs.items())]


def _smoothed(curves: np.ndarray, epochs: int) -> np.ndarray:
    """CER in % of (rows, seeds, epochs) up to an epoch: mean of the seeds and the last epochs, (rows,)."""
    return curves[:, :, max(0, epochs - WINDOW) : epochs].mean((1, 2))


def _far(early: np.ndarray, end: np.ndarray) -> str:
    """Share of the pairs that end far apart and already stand in that order."""
    apart = end[:, None] - end[None, :] >= FAR
    if not apart.any():
        return UNKNOWN
    return number((early[:, None] > early[None, :])[apart].mean(), ".0f", 100) + " %"
