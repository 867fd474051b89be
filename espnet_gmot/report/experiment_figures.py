"""The pictures of the experiments: training curves, error rate against α, errors by sound."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

from espnet_gmot.files import write_aside
from espnet_gmot.report.experiment_rows import RowResult

CURVES = ("ctc", "ot", "tot", "gw", "gmot", "random_teacher")
METHOD = "gmot"
BAR_HEIGHT = 0.25  # inches a row


def draw_figures(rows: dict[str, Sequence[RowResult]], directory: Path) -> list[Path]:
    """Draw what the runs allow: ``curves.png``, ``alpha.png`` and ``errors.png``.

    Args:
        rows: of ``dev`` and of ``test``.
        directory: where they go.

    Returns:
        The pictures that were drawn; α needs two values of it.
    """
    run = [row for row in rows["test"] if row.errors]
    drawn = [
        _save(directory / "curves.png", _curves, rows["dev"]),
        _save(directory / "errors.png", _errors, run, height=1.8 + BAR_HEIGHT * len(run)),
    ]
    if len(alpha_rows(rows["dev"])) > 1:
        drawn.append(_save(directory / "alpha.png", _alpha, rows))
    return drawn


def alpha_rows(rows: Sequence[RowResult]) -> list[tuple[float, RowResult]]:
    """The rows that differ from the method in α alone, by α; the method itself is one of them."""
    method = next((row for row in rows if row.plan.name == METHOD and row.runs), None)
    if method is None:
        return []
    same = [row for row in rows if row.runs and _without_alpha(row)[0] == _without_alpha(method)[0]]
    return sorted(((_without_alpha(row)[1], row) for row in same), key=lambda pair: pair[0])


def _without_alpha(row: RowResult) -> tuple[dict[str, Any], float | None]:
    """The row's training YAML without seed and α, and its α."""
    config = next(iter(row.runs.values())).config
    model = dict(config["model_conf"])
    alpha = model.pop("alpha", None)
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


def _alpha(axes: Axes, rows: dict[str, Sequence[RowResult]]) -> None:
    for name, row_list in rows.items():
        pairs = alpha_rows(row_list)
        (line,) = axes.plot(
            [alpha for alpha, _ in pairs], [row.errors.mean for _, row in pairs], label=f"{name}, mean"
        )
        for alpha, row in pairs:
            rates = list(row.errors.rates.values())
            axes.plot([alpha] * len(rates), rates, "o", color=line.get_color(), markersize=4, alpha=0.6)
    baseline = next((row for row in rows["test"] if row.plan.name == "ctc" and row.errors), None)
    if baseline is not None:
        axes.axhline(baseline.errors.mean, color="0.4", linestyle="--", label="ctc, test")
    axes.set(xlabel="α (0: OT with prior, 1: graph alone)", ylabel="CER (%), a point a seed")
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
    def percent(counts: list[float]) -> np.ndarray:
        characters = [row.errors.units.sum() * len(row.runs) for row in rows]
        return 100 * np.array(counts) / np.array(characters)

    def summed(name: str) -> list[float]:
        return [sum(getattr(counts, name) for counts in row.substitutions.values()) for row in rows]

    substituted = np.array(summed("total"))
    everything = np.array([sum(errors.sum() for errors in row.errors.errors.values()) for row in rows])
    return [
        ("same sound (homophone)", "#c25700", percent(summed("same_sound"))),
        ("same syllable, other tone", "#e8b36b", percent(summed("same_syllable"))),
        ("other substitution", "#7a9cc6", percent(summed("other"))),
        ("deletion or insertion", "0.75", percent(everything - substituted)),
    ]
