"""The page of the experiments: every table, from the kept files alone."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from espnet_gmot.files import write_text
from espnet_gmot.score.margin import Margin
from espnet_gmot.score.markdown_table import UNKNOWN, markdown_table, number, p_value
from research.knowledge_share import shares_of_knowledge
from research.measures import COUPLING_COLUMNS, Measures, mean_of
from research.rows import RowResult
from research.shorter_training import shorter_section
from research.training_start import start_section

NOT_RUN = "not run"
HEAD = """\
# Results of the experiments, protocol `{protocol}`

Written by `python -m research.bin.experiments_page` from the files in `{results}`; the protocol, its
hypotheses and its targets are in [protocol.md](protocol.md) and [findings.md](findings.md). `gmot` is the
method{prior}.
"""
PRIOR = """\
, rows with `prior` in their names have our temporal prior besides. Before 28 November 2026 the row with
prior was called `gmot` and the method `gmot_no_prior`; CHANGELOG.md lists the names of before"""
NOTES = """\
- "CER %" is the mean over the seeds, whose own values follow. All that comes after compares the row with its
  baseline over the seeds that both have; the baseline's CER over these seeds is given.
- "difference" is in percent points, with a 95 % bootstrap interval that draws utterances and seeds anew. With
  one seed it covers the utterances alone; with three it is rough, and rather too narrow. ↕ marks a row whose
  seeds differ in both directions.
- "p" is that of the exact paired permutation test on each utterance's errors summed over the seeds; "Holm"
  corrects it for the number of rows in the table. It covers the choice of the utterances; the spread of the
  seeds stands in their column. Other voices are covered by neither.
"""
SPEAKERS = """\
- "by speaker": difference and p with the {count} speakers as what is drawn and swapped, in place of the
  utterances. They say what other speakers of the kind would change.
"""
HOMOPHONES = """\
- "homophones" are substitutions with the right syllable and tone, "tones" those with the right syllable
  alone, in percent of the characters, as pypinyin {pypinyin} reads the sentences (another version
  differs a little).
"""
COSTS = """\
Parameters that decoding runs, without a language model; time of the model's own training, without teacher,
language model and the training that a branch begins with; real-time factor of decoding. Runs went side by
side, so times are rough.
"""
LAST_EPOCH = """\
In the last epoch: "edge cost" is Σ (A − B)² γ γ of the row's own coupling, whether the row minimises it or
not (rows with α = 0 do not); "projection loss" is Σ (1 − cos(z̃, z)) of a sentence.
"""
CONTEXT = """\
"context": the share of the base teacher's embeddings, beyond what the character alone tells ("identity"),
that a linear map finds in the encoder's frames of each character; fitted on train, measured on dev's unseen
sentences (`research/context_probe.py`). All rows are probed with the base teacher, whatever they
learnt from; where the table of teachers has two, each with that of its machine.
"""


def write_experiment_page(
    out: Path, results: Path, rows: Mapping[str, Sequence[RowResult]], figures: Sequence[Path]
) -> None:
    """Write the page.

    Args:
        out: the page, beside ``protocol.md``.
        results: directory of the protocol, as the page names it; ``about.md`` in it, if any, is shown.
        rows: of each decoded set, that on which epochs were chosen first, then that of the result.
        figures: pictures to show, below the folder of ``out``.
    """
    (dev_name, dev), (test_name, test), *others = rows.items()
    prior = PRIOR if any("prior" in row.plan.name for row in dev) else ""
    parts = [
        HEAD.format(protocol=results.name, results=results, prior=prior),
        *([about.read_text(encoding="utf-8")] if (about := results / "about.md").is_file() else []),
        f"## CER on {test_name}\n\n{_main_table(test)}\n",
        _notes(test),
        *(f"## CER on {name}\n\n{_main_table(found)}\n" for name, found in ((dev_name, dev), *others)),
        f"## Other comparisons on {test_name}\n\n{_other_table(test)}\n",
        f"## Other comparisons on {dev_name}\n\n{_other_table(dev)}\n",
        f"## How much of the gain is the teacher's knowledge, {test_name}\n\n"
        f"{shares_of_knowledge(dev, test)}\n",
        *(f"![{figure.stem}]({figure.relative_to(out.parent)})\n" for figure in figures),
        f"## What the seeds differ in\n\n{start_section(test)}\n",
        f"## Would a shorter training have told the same?\n\n{shorter_section(dev)}\n",
        f"## Costs\n\n{_cost_table(test)}\n\n{COSTS}",
        f"## Couplings against the {_times_measured_by(dev)}, {dev_name}\n\n"
        f"{_coupling_table(dev)}\n\n{LAST_EPOCH}",
        f"## The teacher's context in the encoder, {dev_name}\n\n{_context_table(dev)}\n\n{CONTEXT}",
        f"## Teachers\n\n{_teacher_table(dev)}\n",
        f"## What the rows test\n\n{_plan_table(dev)}\n",
    ]
    write_text(out, "\n".join(parts))


def _notes(rows: Sequence[RowResult]) -> str:
    notes = NOTES
    if counts := {row.margin.by_speaker.speakers for row in rows if row.margin and row.margin.by_speaker}:
        notes += SPEAKERS.format(count=max(counts))
    if any(row.substitutions for row in rows):
        notes += HOMOPHONES.format(pypinyin=version("pypinyin"))
    return notes


def _main_table(rows: Sequence[RowResult]) -> str:
    header = ["row", "CER %", "seeds", "baseline", "change %", "difference [95 %]", "p", "Holm"]
    more = {
        "by speaker [95 %]": lambda row: _speaker_cells(row)[0],
        "p by speaker": lambda row: _speaker_cells(row)[1],
        "WER %": lambda row: number(row.wer, ".2f"),
        "homophones": lambda row: number(row.substituted("same_sound"), ".2f"),
        "tones": lambda row: number(row.substituted("same_syllable"), ".2f"),
    }
    run = [row for row in rows if row.errors]
    more = {name: cell for name, cell in more.items() if any(cell(row) != UNKNOWN for row in run)}
    cells = [[*_main_cells(row), *(cell(row) for cell in more.values())] for row in run]
    table = markdown_table([*header, *more], cells, left={0, 2, 3})
    missing = ", ".join(f"`{row.plan.name}`" for row in rows if row.errors is None)
    return f"{table}\n\n{NOT_RUN.capitalize()}: {missing}." if missing else table


def _main_cells(row: RowResult) -> list[str]:
    seeds = ", ".join(f"{seed}: {rate:.2f}" for seed, rate in row.scored.rates.items())
    baseline = f"{row.plan.baseline} {row.margin.other:.2f}" if row.margin else UNKNOWN
    margin = [*_margin_cells(row.margin), p_value(row.p_holm)]
    return [row.plan.name, f"{row.scored.mean:.2f}", seeds, baseline, *margin]


def _speaker_cells(row: RowResult) -> list[str]:
    if row.margin is None or row.margin.by_speaker is None:
        return [UNKNOWN] * 2
    _, (low, high), p = row.margin.by_speaker
    return [f"[{low:+.2f}, {high:+.2f}]", p_value(p)]


def _margin_cells(margin: Margin | None) -> list[str]:
    if margin is None:
        return [UNKNOWN] * 3
    return [number(margin.change, "+.1f"), margin.shown(margin.interval), p_value(margin.p)]


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


def _cost_table(rows: Sequence[RowResult]) -> str:
    header = ["row", "runs", "M params", "training s", "RTF"]
    cells = [
        [
            row.plan.name,
            str(len(row.runs)),
            number(row.cost("parameters", row.dataset), ".2f", 1e-6),
            number(row.cost("seconds_train"), ".0f"),
            number(row.cost("rtf", row.dataset), ".4f"),
        ]
        for row in rows
        if row.runs
    ]
    return markdown_table(header, cells, left={0})


def _coupling_table(rows: Sequence[RowResult]) -> str:
    measured = [row for row in rows if _couplings(row)]
    if not measured:
        return "Not measured."
    columns = {"by chance %": ("inside_own_span_by_chance", 100), **COUPLING_COLUMNS}
    cells = [
        [
            row.plan.name,
            _mean_and_seeds(_couplings(row), "inside_own_span"),
            *(number(mean_of(_couplings(row), key), ".1f", scale) for key, scale in columns.values()),
            number(mean_of(_last_epochs(row), "valid_fgw_edge"), ".3f"),
            number(mean_of(_last_epochs(row), "valid_loss_align"), ".2f"),
        ]
        for row in measured
    ]
    header = ["row", "inside own span % (seeds)", *columns, "edge cost", "projection loss"]
    return markdown_table(header, cells, left={0})


def _times_measured_by(rows: Sequence[RowResult]) -> str:
    """Whose times of the characters: the true ones, or where nobody knows them those of each model's CTC."""
    by_ctc = any(each.get("by_ctc") for row in rows for each in _couplings(row))
    return "characters' times by CTC" if by_ctc else "true character times"


def _context_table(rows: Sequence[RowResult]) -> str:
    found = [(row, _contexts(row)) for row in rows if _contexts(row)]
    if not found:
        return "Not measured."
    cells = [
        [
            row.plan.name,
            ", ".join(str(seed) for seed, run in sorted(row.runs.items()) if run.context),
            number(mean_of(contexts, "context"), ".1f", 100),
            number(mean_of(contexts, "identity"), ".1f", 100),
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


def _mean_and_seeds(measures: Sequence[Measures], key: str) -> str:
    """A share in percent, its values in brackets where there are several."""
    values = ", ".join(number(measure[key], ".0f", 100) for measure in measures)
    mean = number(mean_of(measures, key), ".1f", 100)
    return f"{mean} ({values})" if len(measures) > 1 else mean


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
            number(run.record["teacher"].get("masked_accuracy"), ".1f", 100),
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
