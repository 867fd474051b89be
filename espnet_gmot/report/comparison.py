"""The table that compares trained systems: error rates, the baseline's margin, training time."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from espnet_gmot.errors import InputError
from espnet_gmot.files import write_aside
from espnet_gmot.report.kaldi_text import require_same_ids
from espnet_gmot.report.result_files import SCORE_CURE, Result, read_result
from espnet_gmot.report.significance import paired_bootstrap_interval
from espnet_gmot.report.training_time import training_seconds

HEADER = [
    "system",
    "set",
    "CER %",
    "chars",
    "sub",
    "del",
    "ins",
    "change %",
    "difference [95 %]",
    "training s",
]
NOTES = """\
"change" is the CER's relative change against {baseline}; "difference" is in percent points, with the 95 %
interval of a paired bootstrap over the utterances, which covers the choice of the utterances but not the
seed of the training. "training" is the time of all training and validation epochs.
"""


@dataclass(frozen=True)
class Row:
    """One system on one set; ``result`` is None where it was not run, and ``not_run`` says why.

    Args:
        system: name of the system, the YAML stem of its training config.
        set: name of the decoded set.
        seconds_train: time of training and validation, None if unknown.
        result: error counts of each utterance.
        not_run: reason for having no result.
        interval: bootstrap interval of the CER minus the baseline's, in percent points.
        baseline_cer: the baseline's CER on this set, in percent.
    """

    system: str
    set: str
    seconds_train: float | None
    result: Result | None = None
    not_run: str | None = None
    interval: tuple[float, float] | None = None
    baseline_cer: float | None = None

    def as_record(self) -> dict[str, str | float | tuple[float, float] | None]:
        """The row as it stands in ``comparison.json``; null where the system was not run."""
        counts = self.result.total if self.result else None
        return {
            "system": self.system,
            "set": self.set,
            "cer": counts.err_rate if counts else None,
            "chars": counts.units if counts else None,
            "sub": counts.substitutions if counts else None,
            "del": counts.deletions if counts else None,
            "ins": counts.insertions if counts else None,
            "seconds_train": self.seconds_train,
            "difference_interval": self.interval,
            "not_run": self.not_run,
        }

    def as_cells(self) -> list[str]:
        """The row as it stands in ``comparison.md``."""
        seconds = "–" if self.seconds_train is None else f"{self.seconds_train:.0f}"
        if self.result is None:
            return [self.system, self.set, "not run", *["–"] * 6, seconds]
        c = self.result.total
        change, difference = "–", "–"
        if self.interval is not None and self.baseline_cer:
            low, high = self.interval
            delta = c.err_rate - self.baseline_cer
            change = f"{100 * delta / self.baseline_cer:+.1f}"
            difference = f"{delta:+.2f} [{low:+.2f}, {high:+.2f}]"
        counts = [str(count) for count in (c.units, c.substitutions, c.deletions, c.insertions)]
        return [self.system, self.set, f"{c.err_rate:.2f}", *counts, change, difference, seconds]


def compare(experiments: Sequence[tuple[str, Path]], decode: str, sets: Sequence[str]) -> list[Row]:
    """Collect the scored sets of each system, set by set; the first system is the baseline.

    Args:
        experiments: (system, its experiment directory).
        decode: name of the decoding directory below each, e.g. ``decode_ctc_greedy``.
        sets: names of the decoded sets.

    Raises:
        InputError: nothing has been run, a name comes twice, or two systems were scored on
            different utterances.
    """
    for system, count in Counter(system for system, _ in experiments).items():
        if count > 1:
            raise InputError(f"system {system} is given {count} times; give each a name of its own")
    seconds = {system: training_seconds(path) for system, path in experiments}
    rows = []
    for name in sets:
        result = Path(decode, name, "score_cer", "result.json")
        baseline = experiments[0][1] / result
        rows += [_row(system, name, seconds[system], path / result, baseline) for system, path in experiments]
    if all(row.result is None for row in rows):
        raise InputError(f"no system has a result; {rows[0].not_run}")
    return rows


def write_comparison(out: Path, rows: Sequence[Row]) -> str:
    """Write ``OUT.md`` and ``OUT.json`` and return the former's table, with why a row was not run."""
    missing = [f"not run: {row.system} on {row.set}: {row.not_run}" for row in rows if row.not_run]
    table = "\n".join([_table(rows), *(f"\n{line}" for line in missing)])
    notes = NOTES.format(baseline=rows[0].system)
    _write(out.with_name(f"{out.name}.md"), f"# Comparison\n\n{table}\n\n{notes}")
    records = [row.as_record() for row in rows]
    _write(out.with_name(f"{out.name}.json"), json.dumps(records, ensure_ascii=False, indent=1) + "\n")
    return table


def _table(rows: Sequence[Row]) -> str:
    """A Markdown table whose columns line up on a terminal too, names left and numbers right."""
    lines = [HEADER, *(row.as_cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width if i < 2 else "-" * (width - 1) + ":" for i, width in enumerate(widths)])
    return "\n".join(
        "| " + " | ".join(f"{cell:{'<' if i < 2 else '>'}{widths[i]}}" for i, cell in enumerate(line)) + " |"
        for line in lines
    )


def _row(system: str, name: str, seconds: float | None, path: Path, baseline_path: Path) -> Row:
    if not path.is_file():
        return Row(system, name, seconds, not_run=f"{path} is missing; {SCORE_CURE}")
    result = read_result(path)
    if path == baseline_path or not baseline_path.is_file():
        return Row(system, name, seconds, result)
    baseline = read_result(baseline_path)
    require_same_ids(
        baseline.utterances, baseline_path, result.utterances, path, "run stages 12 and 13 for both"
    )
    interval = paired_bootstrap_interval(
        _counts(counts.errors for counts in baseline.utterances.values()),
        _counts(result.utterances[utterance].errors for utterance in baseline.utterances),
        _counts(counts.units for counts in baseline.utterances.values()),
    )
    return Row(system, name, seconds, result, interval=interval, baseline_cer=baseline.total.err_rate)


def _counts(values: Iterable[int]) -> np.ndarray:
    return np.fromiter(values, dtype=np.int64)


def _write(path: Path, text: str) -> None:
    with write_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")
