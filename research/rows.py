"""Kept runs gathered into the rows of a table: error rates over seeds, margins, homophone errors, costs."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from espnet_gmot.score.error_rates import score
from espnet_gmot.score.margin import Margin, SystemErrors, margin_over
from espnet_gmot.score.significance import holm
from research.homophones import Substitutions, count_all, total
from research.kept_files import KeptRun, read_reference, read_runs, read_speakers
from research.table import Row

UNPLANNED = "kept, but no longer in the table"
FEWEST_ALIKE = 10


@dataclass(frozen=True)
class RowResult:
    """One row on one set.

    Args:
        plan: the row of the table.
        dataset: name of the set.
        runs: its finished runs by seed; empty where it was not run.
        errors: errors of each seed and utterance, None where it was not run.
        substitutions: by sound, seed by seed; empty in languages with words.
        margin: against ``plan.baseline``; None for itself or without a common seed.
        p_holm: the margin's p, corrected for the number of rows that have one.
        margins_against: against the rows in ``plan.against``, where there is a common seed.
    """

    plan: Row
    dataset: str
    runs: dict[int, KeptRun]
    errors: SystemErrors | None = None
    substitutions: dict[int, Substitutions] = field(default_factory=dict)
    margin: Margin | None = None
    p_holm: float | None = None
    margins_against: dict[str, Margin] = field(default_factory=dict)

    @property
    def scored(self) -> SystemErrors:
        """The errors of a row that was run."""
        if self.errors is None:
            raise ValueError(f"{self.plan.name} was not run")
        return self.errors

    @property
    def wer(self) -> float | None:
        """Word error rate in percent, mean over the seeds; None where words were not scored."""
        known = [run.record["sets"][self.dataset].get("wer") for run in self.runs.values()]
        return float(np.mean(known)) if known and None not in known else None

    def substituted(self, sound: str) -> float | None:
        """Substitutions of a kind, an attribute of ``Substitutions``, in percent of the characters."""
        if not self.substitutions:
            return None
        count = getattr(total(self.substitutions.values()), sound)
        return float(100 * count / len(self.runs) / self.scored.units.sum())

    def cost(self, name: str, dataset: str | None = None) -> float | None:
        """Mean over the seeds of a number of their records, of the set if one is named; None if unknown."""
        records = [
            run.record if dataset is None else run.record["sets"][dataset] for run in self.runs.values()
        ]
        known = [record[name] for record in records if record[name] is not None]
        return float(np.mean(known)) if known else None


def gather_sets(results: Path, plans: Sequence[Row]) -> dict[str, list[RowResult]]:
    """Gather the rows of every set that was decoded; kept rows that are not planned come last."""
    runs = read_runs(results)
    unplanned = {run.row: Row(run.row, config="", tests=UNPLANNED) for run in runs}
    for plan in plans:
        unplanned.pop(plan.name, None)
    return {name: gather(results, runs, [*plans, *unplanned.values()], name) for name in runs[0].hypotheses}


def gather(results: Path, kept: Sequence[KeptRun], plans: Sequence[Row], dataset: str) -> list[RowResult]:
    """Score the kept hypotheses of every row on a set; rows that were not run stay empty.

    Args:
        results: directory of the protocol.
        kept: its finished runs.
        plans: the rows in the order of the table.
        dataset: name of the set.

    Raises:
        InputError: hypotheses and transcripts do not fit.
    """
    reference, speakers = read_reference(results, dataset), read_speakers(results, dataset)
    words = any("wer" in run.record["sets"][dataset] for run in kept)
    runs: defaultdict[str, dict[int, KeptRun]] = defaultdict(dict)
    for run in kept:
        runs[run.row][run.seed] = run
    scored = {
        plan.name: _scored(runs[plan.name], reference, speakers, dataset, spaces=words) for plan in plans
    }
    margins = {plan.name: _margin(scored, plan.baseline, plan.name) for plan in plans}
    p_values = {name: margin.p for name, margin in margins.items() if margin}
    corrected = dict(zip(p_values, holm(np.array(list(p_values.values()))).tolist(), strict=True))
    return [
        RowResult(
            plan,
            dataset,
            runs[plan.name],
            scored[plan.name],
            {
                seed: count_all(reference, run.hypotheses[dataset])
                for seed, run in runs[plan.name].items()
                if not words
            },
            margins[plan.name],
            corrected.get(plan.name),
            {
                other: margin
                for other in plan.against
                if (margin := _margin(scored, other, plan.name)) is not None
            },
        )
        for plan in plans
    ]


def _scored(
    runs: dict[int, KeptRun],
    reference: dict[str, str],
    speakers: dict[str, str] | None,
    dataset: str,
    spaces: bool,
) -> SystemErrors | None:
    counts = {
        seed: score(
            reference,
            run.hypotheses[dataset],
            "char",
            f"{dataset} reference",
            f"{run.row} seed {seed}",
            spaces,
        )
        for seed, run in sorted(runs.items())
    }
    if not counts:
        return None
    errors = {seed: np.array([each.errors for each in counted.values()]) for seed, counted in counts.items()}
    units = np.array([each.units for each in next(iter(counts.values())).values()])
    names = None if speakers is None else np.array([speakers[utterance] for utterance in reference])
    return SystemErrors(errors, units, names)


def _margin(scored: dict[str, SystemErrors | None], baseline: str, name: str) -> Margin | None:
    theirs, ours = scored.get(baseline), scored[name]
    if name == baseline or theirs is None or ours is None:
        return None
    return margin_over(theirs, ours)


def alike(rows: Sequence[RowResult]) -> list[RowResult]:
    """Give the largest group of rows whose models were trained with the same seeds and as many epochs.

    Rows that decode another one's model are left out; a group of fewer than ``FEWEST_ALIKE`` is none.
    """
    groups = defaultdict(list)
    for row in rows:
        lengths = {seed: len(run.epochs) for seed, run in row.runs.items()}
        if lengths and not row.plan.model_of:
            groups[tuple(sorted(lengths.items()))].append(row)
    largest = max(groups.values(), key=len, default=[])
    return largest if len(largest) >= FEWEST_ALIKE else []
