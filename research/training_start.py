"""How soon a training leaves CTC's plateau of blanks, and how that goes with its error rate in the end."""

from collections.abc import Sequence

import numpy as np

from espnet_gmot.score.markdown_table import markdown_table, number
from research.rows import RowResult, alike

LEFT_AT = 0.5  # CER on dev below which the plateau counts as left
NOTE = """\
"start": the epoch at which CER on dev falls below {percent:.0f} % while training, by straight lines between
the ends of epochs; before it CTC emits little but blanks. "CER %" is on test. Rows with several seeds.
"""
WITHIN = """
Within rows (each seed's deviation from the means of its row; {runs} runs in {rows} rows) start and CER
correlate with r = {correlation:.2f}, {slope:+.2f} points of CER an epoch. The rows share their seeds, so they
are fewer draws than they seem.
"""

SPREAD = """
Seeds of one row have a standard deviation of {of_row:.2f} points of CER, {beside:.2f} when what a seed does
to all rows is taken out ({rows} rows of one length, {seeds} seeds each).
"""


def training_start(epochs: dict[int, dict[str, float]]) -> float | None:
    """Find the epoch at which CER on dev falls below a half, by straight lines between the ends of epochs.

    Args:
        epochs: epoch → its statistics, ``valid_cer_ctc`` among them, as a share.

    Returns:
        The epoch, 0 being the start with a CER of 1; None if it never falls below a half.

    Example:
        >>> training_start({1: {"valid_cer_ctc": 0.9}, 2: {"valid_cer_ctc": 0.1}})
        1.5
    """
    before, rate_before = 0, 1.0
    for epoch, statistics in sorted(epochs.items()):
        rate = statistics["valid_cer_ctc"]
        if rate < LEFT_AT:
            return before + (epoch - before) * (rate_before - LEFT_AT) / (rate_before - rate)
        before, rate_before = epoch, rate
    return None


def start_section(rows: Sequence[RowResult]) -> str:
    """Write each row's starts beside its error rates, and how the two go together within rows."""
    trained = [row for row in rows if not row.plan.model_of and not row.plan.start]
    found = {row.plan.name: pairs for row in trained if len(pairs := _pairs(row)) > 1}
    if not found:
        return "No row has two seeds that left the plateau."
    cells = [
        [name, _listed(pairs[:, 0], ".1f"), _listed(pairs[:, 1], ".2f")] for name, pairs in found.items()
    ]
    table = markdown_table(["row", "start (seeds)", "CER % (seeds)"], cells, left={0, 1, 2})
    notes = NOTE.format(percent=100 * LEFT_AT) + _within_rows(list(found.values()))
    return f"{table}\n\n{notes}{_spread(rows)}"


def _listed(values: np.ndarray, form: str) -> str:
    return ", ".join(number(value, form) for value in values)


def _pairs(row: RowResult) -> np.ndarray:
    """Start and CER of each seed that left the plateau, (seeds, 2)."""
    starts = {seed: training_start(run.epochs) for seed, run in sorted(row.runs.items())}
    return np.array([(start, row.scored.rates[seed]) for seed, start in starts.items() if start is not None])


def _within_rows(found: Sequence[np.ndarray]) -> str:
    starts, rates = np.concatenate([pairs - pairs.mean(0) for pairs in found]).T
    if not (starts.any() and rates.any()):
        return ""
    correlation, slope = np.corrcoef(starts, rates)[0, 1], np.polyfit(starts, rates, 1)[0]
    return WITHIN.format(runs=len(starts), rows=len(found), correlation=correlation, slope=slope)


def _spread(rows: Sequence[RowResult]) -> str:
    """How far the seeds of a row lie apart, of rows with the same seeds and epochs."""
    rates = np.array([[row.scored.rates[seed] for seed in sorted(row.runs)] for row in alike(rows)])
    if not rates.size or rates.shape[1] < 2:
        return ""
    of_row = np.sqrt(rates.var(1, ddof=1).mean())
    rest = rates - rates.mean(1, keepdims=True) - rates.mean(0) + rates.mean()
    beside = np.sqrt((rest**2).sum() / ((len(rates) - 1) * (rates.shape[1] - 1)))
    return SPREAD.format(of_row=of_row, beside=beside, rows=len(rates), seeds=rates.shape[1])
