"""The page of the experiments: every table, from the kept files alone."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from espnet_gmot.files import write_aside
from espnet_gmot.report.experiment_rows import BASELINE, RowResult
from espnet_gmot.report.markdown_table import markdown_table
from espnet_gmot.report.seeds import SeedMargin

UNKNOWN = "–"
NOT_RUN = "not run"
METHOD, CONTROL = "gmot", "random_teacher"
HEAD = """\
# Results of the experiments, protocol `{protocol}`

Written by `python -m espnet_gmot.bin.experiments_page` from the files in `{results}`; the protocol, its
hypotheses and its targets are in [experiments.md](../experiments.md). Rows are compared with `{baseline}`
over the seeds that both have.
"""
NOTES = """\
- "CER %" is the mean over the seeds, whose own values follow; "change" is relative to {baseline}'s mean.
- "difference" is in percent points, with a 95 % bootstrap interval that draws utterances and seeds anew; ↕
  marks a row whose seeds do not all differ in the same direction.
- "p" is that of the exact paired permutation test on each utterance's errors summed over the seeds; "Holm"
  corrects it for the number of rows compared with {baseline}. It covers the choice of the utterances; the
  spread of the seeds stands in their column.
- "homophones" are substitutions with the right syllable and tone, "tones" those with the right syllable
  alone, in percent of the characters, as pypinyin {pypinyin} reads the sentences (another version
  differs a little).
"""
COSTS = """\
Parameters that decoding runs, without a language model; time of the model's own training, without teacher and
language model; real-time factor of decoding. Runs went side by side, so times are rough.
"""
LAST_EPOCH = """\
In the last epoch: "edge cost" is Σ (A − B)² γ γ of the row's own coupling, whether the row minimises it or
not (rows with α = 0 do not); "projection loss" is Σ (1 − cos(z̃, z)) of a sentence.
"""
CONTEXT = """\
"context": the share of the base teacher's embeddings, beyond what the character alone tells ("identity"),
that a linear map finds in the encoder's frames of each character; fitted on train, measured on dev's unseen
sentences (`espnet_gmot/report/context_probe.py`). All rows are probed with the same teacher, whatever they
learnt from.
"""


def write_experiment_page(
    out: Path, results: Path, rows: dict[str, list[RowResult]], figures: Sequence[Path]
) -> None:
    """Write the page.

    Args:
        out: the page, in a folder beside ``experiments.md``.
        results: directory of the protocol, as the page names it.
        rows: of ``dev`` and of ``test``.
        figures: pictures to show, below the folder of ``out``.
    """
    dev, test = rows["dev"], rows["test"]
    parts = [
        HEAD.format(protocol=results.name, results=results, baseline=BASELINE),
        f"## CER on test\n\n{_main_table(test)}\n",
        NOTES.format(baseline=BASELINE, pypinyin=version("pypinyin")),
        f"## CER on dev\n\n{_main_table(dev)}\n",
        f"## Other comparisons on test\n\n{_other_table(test)}\n",
        _transferred(dev, test),
        *(f"![{figure.stem}]({figure.relative_to(out.parent)})\n" for figure in figures),
        f"## Costs\n\n{_cost_table(test)}\n\n{COSTS}",
        f"## Couplings against the true character times, dev\n\n{_coupling_table(dev)}\n\n{LAST_EPOCH}",
        f"## The teacher's context in the encoder, dev\n\n{_context_table(dev)}\n\n{CONTEXT}",
        f"## Teachers\n\n{_teacher_table(dev)}\n",
        f"## What the rows test\n\n{_plan_table(dev)}\n",
    ]
    with write_aside(out) as aside:
        aside.write_text("\n".join(parts), encoding="utf-8")


def _main_table(rows: Sequence[RowResult]) -> str:
    header = ["row", "CER %", "seeds", "change %", "difference [95 %]", "p", "Holm", "homophones", "tones"]
    table = markdown_table(header, [_main_cells(row) for row in rows if row.errors], left={0, 2})
    missing = ", ".join(f"`{row.plan.name}`" for row in rows if row.errors is None)
    return f"{table}\n\n{NOT_RUN.capitalize()}: {missing}." if missing else table


def _main_cells(row: RowResult) -> list[str]:
    seeds = ", ".join(f"{seed}: {rate:.2f}" for seed, rate in row.errors.rates.items())
    characters = row.errors.units.sum() * len(row.runs)
    tones = sum(counts.same_syllable for counts in row.substitutions.values())
    sounds = [f"{row.homophones():.2f}", f"{100 * tones / characters:.2f}"]
    margin = _margin_cells(row.margin)
    return [row.plan.name, f"{row.errors.mean:.2f}", seeds, *margin, _p_value(row.p_holm), *sounds]


def _margin_cells(margin: SeedMargin | None) -> list[str]:
    if margin is None:
        return [UNKNOWN] * 3
    low, high = margin.interval
    mark = "" if margin.one_sided else " ↕"
    difference = f"{margin.difference:+.2f} [{low:+.2f}, {high:+.2f}]{mark}"
    return [_known(margin.change, "+.1f"), difference, _p_value(margin.p)]


def _other_table(rows: Sequence[RowResult]) -> str:
    compared = [
        (row.plan.name, other, margin) for row in rows for other, margin in row.margins_against.items()
    ]
    if not compared:
        return "None was run."
    header = ["row", "against", "seeds", "change %", "difference [95 %]", "p"]
    cells = [
        [name, other, ", ".join(map(str, margin.seeds)), *_margin_cells(margin)]
        for name, other, margin in compared
    ]
    return markdown_table(header, cells, left={0, 1, 2})


def _transferred(dev: Sequence[RowResult], test: Sequence[RowResult]) -> str:
    """The part of the method's gain on test that a teacher without knowledge does not bring.

    The control is the random teacher's row that is best on dev: its weights are its own choice. All three
    count over the seeds that all three have.
    """
    label = "Share of the gain that needs the teacher's knowledge: "
    errors = {row.plan.name: row.errors for row in test if row.errors}
    controls = [row for row in dev if row.plan.name.startswith(CONTROL) and row.errors]
    if not controls or not {BASELINE, METHOD} <= errors.keys():
        return f"{label}not known; {BASELINE}, {METHOD} and {CONTROL} are not all run.\n"
    control = min(controls, key=lambda row: row.errors.mean).plan.name
    three = [errors[name] for name in (BASELINE, METHOD, control)]
    seeds = sorted(set.intersection(*(set(each.errors) for each in three)))
    if not seeds:
        return f"{label}not known; {BASELINE}, {METHOD} and {control} have no seed in common.\n"
    baseline, method, other = (sum(each.rates[seed] for seed in seeds) for each in three)
    if method >= baseline:
        return f"{label}none, {METHOD} gains nothing.\n"
    share = 100 * (other - method) / (baseline - method)
    return (
        f"{label}({control} − {METHOD}) / ({BASELINE} − {METHOD}) = {share:.0f} % over seed(s) "
        f"{', '.join(map(str, seeds))}, with the control that is best on dev. Above 100 % it is worse "
        f"than {BASELINE}.\n"
    )


def _cost_table(rows: Sequence[RowResult]) -> str:
    header = ["row", "runs", "M params", "training s", "RTF"]
    cells = [
        [
            row.plan.name,
            str(len(row.runs)),
            _known(row.cost("parameters", "test"), ".2f", 1e-6),
            _known(row.cost("seconds_train"), ".0f"),
            _known(row.cost("rtf", "test"), ".4f"),
        ]
        for row in rows
        if row.runs
    ]
    return markdown_table(header, cells, left={0})


def _coupling_table(rows: Sequence[RowResult]) -> str:
    measured = [row for row in rows if _couplings(row)]
    if not measured:
        return "Not measured."
    columns = {
        "inside own span %": ("inside_own_span", 100),
        "by chance %": ("inside_own_span_by_chance", 100),
        "barycentre error ms": ("barycentre_error_ms", 1),
        "on right character %": ("on_right_character", 100),
        "special tokens on silence %": ("special_tokens_on_silence", 100),
    }
    cells = [
        [
            row.plan.name,
            *(_known(_mean(_couplings(row), key), ".1f", scale) for key, scale in columns.values()),
            _known(_mean(_last_epochs(row), "valid_fgw_edge"), ".3f"),
            _known(_mean(_last_epochs(row), "valid_loss_align"), ".2f"),
        ]
        for row in measured
    ]
    return markdown_table(["row", *columns, "edge cost", "projection loss"], cells, left={0})


def _context_table(rows: Sequence[RowResult]) -> str:
    found = [(row, _contexts(row)) for row in rows if _contexts(row)]
    if not found:
        return "Not measured."
    cells = [
        [
            row.plan.name,
            ", ".join(str(seed) for seed, run in sorted(row.runs.items()) if run.context),
            _known(_mean(contexts, "context"), ".1f", 100),
            _known(_mean(contexts, "identity"), ".1f", 100),
        ]
        for row, contexts in found
    ]
    return markdown_table(["row", "seeds", "context %", "identity %"], cells, left={0, 1})


def _couplings(row: RowResult) -> list[dict[str, float | None]]:
    return [run.coupling for run in row.runs.values() if run.coupling]


def _contexts(row: RowResult) -> list[dict[str, float | None]]:
    return [run.context for run in row.runs.values() if run.context]


def _last_epochs(row: RowResult) -> list[dict[str, float]]:
    return [run.epochs[max(run.epochs)] for run in row.runs.values()]


def _mean(measures: Sequence[dict[str, float | None]], key: str) -> float | None:
    values = [measure[key] for measure in measures if measure.get(key) is not None]
    return sum(values) / len(values) if values else None


def _teacher_table(rows: Sequence[RowResult]) -> str:
    """Each teacher that was used; more than one fingerprint under a name means that it was trained anew."""
    teachers = {
        (
            run.config["preprocessor_conf"]["teacher_cache"].split("/")[-2],
            run.record["teacher"]["fingerprint"],
        ): run
        for row in rows
        for run in row.runs.values()
        if run.record["teacher"]
    }
    if not teachers:
        return "None was used."
    cells = [
        [
            name,
            fingerprint[:8],
            str(run.record["teacher"]["hidden_size"]),
            "yes" if run.record["teacher"]["random_init"] else "no",
            _known(run.record["teacher"].get("masked_accuracy"), ".1f", 100),
        ]
        for (name, fingerprint), run in sorted(teachers.items())
    ]
    header = ["teacher", "weights", "size", "random", "masked characters right %"]
    return markdown_table(header, cells, left={0, 1})


def _plan_table(rows: Sequence[RowResult]) -> str:
    cells = [
        [row.plan.name, row.plan.tests, ", ".join(map(str, sorted(row.runs))) or NOT_RUN] for row in rows
    ]
    return markdown_table(["row", "tests", "seeds run"], cells, left={0, 1, 2})


def _known(value: float | None, form: str, scale: float = 1.0) -> str:
    return UNKNOWN if value is None else format(scale * value, form)


def _p_value(p: float | None) -> str:
    return UNKNOWN if p is None else "<0.0001" if p < 1e-4 else f"{p:.4f}"
