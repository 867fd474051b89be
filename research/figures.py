"""The pictures of the experiments: training curves, error rate against α, errors by sound."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

from espnet_gmot.alignment import AlignmentOptions
from espnet_gmot.files import write_aside
from research.rows import RowResult

CURVES = ("ctc", "ot", "tot", "gw", "gmot_prior", "gmot", "random_teacher_prior")
METHODS = {"gmot_prior": "with prior", "gmot": "without prior"}
BAR_HEIGHT = 0.25  # inches a row


def draw_figures(rows: Mapping[str, Sequence[RowResult]], directory: Path) -> list[Path]:
    """Draw what the runs allow: ``curves.png``, ``alpha.png`` and ``errors.png``.

    Args:
        rows: of each decoded set, that on which epochs were chosen first, then that of the result.
        directory: where they go.

    Returns:
        The pictures that were drawn; α needs two values of it.
    """
    dev, test = list(rows.values())[:2]
    drawn = [_save(directory / "curves.png", _curves, dev)]
    if run := [row for row in test if row.substitutions]:
        drawn.append(_save(directory / "errors.png", _errors, run, height=1.8 + BAR_HEIGHT * len(run)))
    if any(alpha_rows(dev, method) for method in METHODS):
        drawn.append(_save(directory / "alpha.png", _alpha, rows))
    return drawn


def alpha_rows(rows: Sequence[RowResult], method: str) -> list[tuple[float, RowResult]]:
    """The method and the rows that differ from it in α alone, by α; none without two values of α.

    Rows that decode another row's model are left out.
    """
    trained = [row for row in rows if row.runs and not row.plan.model_of]
    own = next((row for row in trained if row.plan.name == method), None)
    if own is None:
        return []
    same = [row for row in trained if _without_alpha(row)[0] == _without_alpha(own)[0]]
    pairs = sorted(((_without_alpha(row)[1], row) for row in same), key=lambda pair: pair[0])
    return pairs if pairs[0][0] < pairs[-1][0] else []


def _without_alpha(row: RowResult) -> tuple[dict[str, Any], float]:
    """The row's training YAML without seed and α, and its α."""
    config = next(iter(row.runs.values())).config
    model = dict(config["model_conf"])
    alpha = model.pop("alpha", AlignmentOptions.alpha)
    return config | {"model_conf": model, "seed": None}, alpha


def _save(path: Path, draw: Any, rows: Any, height: float = 4.2) -> Path:
    figure = Figure(figsize=(7.0, height), layout="constrained")
    draw(figure.subplots(), rows)
    with write_aside(path) as aside:
        figure.savefig(aside, dpi=150)
    return path


def _curves(axes: Axes, rows: Sequence[RowResult]) -> None:
    """CER of ESPnet's validation by epoch: mean of the seeds, band from the lowest to the highest."""
    for row in rows:
        if row.plan.name not in CURVES or not row.runs:
            continue
        runs = [run.epochs for run in row.runs.values()]
        epochs = sorted(set.intersection(*(set(run) for run in runs)))
        rates = np.array([[100 * run[epoch]["valid_cer_ctc"] for epoch in epochs] for run in runs])
        (line,) = axes.plot(epochs, rates.mean(0), label=f"{row.plan.name}, n = {len(runs)}")
        axes.fill_between(epochs, rates.min(0), rates.max(0), color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set(xlabel="epoch", ylabel="CER on dev while training (%), n seeds", yscale="log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)


def _alpha(axes: Axes, rows: Mapping[str, Sequence[RowResult]]) -> None:
    """CER by α with the prior and without, over the seeds that all points of a line have."""
    for (method, prior), marker in zip(METHODS.items(), "os", strict=True):
        for (name, found), colour in zip(rows.items(), ("#7a9cc6", "#c25700"), strict=False):
            pairs = alpha_rows(found, method)
            if not pairs:
                continue
            alphas, row_list = zip(*pairs, strict=True)
            seeds = sorted(set.intersection(*(set(row.runs) for row in row_list)))
            rates = np.array([[row.scored.rates[seed] for seed in seeds] for row in row_list])
            label = f"{name}, {prior}, seeds {', '.join(map(str, seeds))}"
            axes.plot(alphas, rates.mean(1), marker=marker, color=colour, label=label)
            axes.plot(alphas, rates, marker, color=colour, markersize=3, alpha=0.4)
    axes.set(xlabel="α (0: OT, 1: graph alone)", ylabel="CER (%), small points: single seeds")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)


def _errors(axes: Axes, rows: Sequence[RowResult]) -> None:
    """Stacked bars: substitutions by sound, deletions and insertions, in percent of the characters."""
    names = [row.plan.name for row in rows]
    left = np.zeros(len(rows))
    for label, colour, values in _parts_of_errors(rows):
        axes.barh(names, values, left=left, label=label, color=colour)
        left += values
    axes.invert_yaxis()
    axes.set(xlabel="errors on test (% of the characters, mean of the seeds)")
    axes.tick_params(axis="y", labelsize=8)
    axes.legend(fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def _parts_of_errors(rows: Sequence[RowResult]) -> list[tuple[str, str, np.ndarray]]:
    def substituted(sound: str) -> np.ndarray:
        return np.array([row.substituted(sound) or 0.0 for row in rows])

    return [
        ("same sound (homophone)", "#c25700", substituted("same_sound")),
        ("same syllable, other tone", "#e8b36b", substituted("same_syllable")),
        ("other substitution", "#7a9cc6", substituted("other")),
        ("deletion or insertion", "0.75", np.array([row.scored.mean for row in rows]) - substituted("total")),
    ]
