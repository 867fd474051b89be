"""How much of a method's gain is the teacher's knowledge: what a teacher without knowledge does not bring."""

from collections.abc import Sequence

from espnet_gmot.score.margin import SystemErrors
from research.rows import RowResult


def shares_of_knowledge(dev: Sequence[RowResult], test: Sequence[RowResult]) -> str:
    """List, in Markdown, the part of each method's gain on test that is the teacher's knowledge.

        share = (control − method) / (baseline − method)

    The control is the row of a teacher without knowledge that is best on dev, its weights being its own
    choice. All systems count over the seeds that they have in common.

    Args:
        dev: the rows on the development set.
        test: the same rows on the test set.
    """
    on_dev, on_test = ({row.plan.name: row.errors for row in rows if row.errors} for rows in (dev, test))
    controls = [row.plan for row in dev if row.plan.control_of and row.errors]
    methods = [row.plan for row in dev if row.plan.name in {control.control_of for control in controls}]
    if not methods:
        return "Not known; no control was run."
    return "\n".join(
        _share_of_knowledge(
            method.name,
            method.baseline,
            [control.name for control in controls if control.control_of == method.name],
            on_dev,
            on_test,
        )
        for method in methods
    )


def _share_of_knowledge(
    method: str,
    baseline: str,
    controls: Sequence[str],
    dev: dict[str, SystemErrors],
    test: dict[str, SystemErrors],
) -> str:
    needed = [baseline, method, *controls]
    if not {baseline, method} <= test.keys():
        return f"- `{method}`: not known; {baseline} and {method} are not both run."
    seeds = sorted(set.intersection(*(set(test[name].errors) for name in needed)))
    if not seeds:
        return f"- `{method}`: not known; {', '.join(needed)} have no seed in common."

    def mean(errors: SystemErrors) -> float:
        return sum(errors.rates[seed] for seed in seeds) / len(seeds)

    control = min(controls, key=lambda name: mean(dev[name]))
    without, ours, theirs = (mean(test[name]) for name in (baseline, method, control))
    if ours >= without:
        return f"- `{method}`: none, it gains nothing."
    share = 100 * (theirs - ours) / (without - ours)
    verdict = f"; {control} is worse than {baseline}" if theirs > without else ""
    return (
        f"- `{method}`: ({control} − {method}) / ({baseline} − {method}) = {share:.0f} % over seed(s) "
        f"{', '.join(map(str, seeds))}{verdict}."
    )
