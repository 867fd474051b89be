"""A comparison as a table for the terminal, a Markdown page and JSON."""

import json
from collections.abc import Sequence
from pathlib import Path

from espnet_gmot.files import write_text
from espnet_gmot.score.comparison import Row
from espnet_gmot.score.margin import MANY_SPEAKERS, Margin
from espnet_gmot.score.markdown_table import UNKNOWN, markdown_table, number, p_value
from espnet_gmot.score.published import Published
from espnet_gmot.score.result_files import Result

HEADER = [
    "system", "set", "CER % [95 %]", "change %", "difference [95 %]", "p", "M params", "training s", "RTF",
]  # fmt: skip
DETAILS = ["system", "set", "decoding", "chars", "sub", "del", "ins", "p (Holm)"]
NOTES = """\
Written by `python -m espnet_gmot.bin.compare`; {unknown} stands for what is not known or has no meaning.

- "CER" counts characters{spaces}; the interval after it is a bootstrap over the utterances.
- "change" is the CER's relative change against {baseline}; "difference" is in percent points, with the
  interval of a paired bootstrap. With one training a system, intervals and p cover the choice of the
  utterances but not the seed.
- "p" is that of the exact paired permutation test: how often a difference this large, in either direction,
  comes about if the two systems' results are swapped at random on each utterance. It is not corrected for
  the number of systems; "p (Holm)" is, over all systems compared with {baseline} on a set.
- "M params" are the millions of parameters that decoding runs: no teacher, no part used in training alone,
  no language model, and for `espnet_gmot.bin.asr_ctc_greedy` no attention decoder.
- "training" is the time of all training and validation epochs.
- "RTF" is the real-time factor of decoding: seconds of one process for a second of audio, from the first
  utterance to the last, without start-up. It holds for the machine, the batch size and the number of
  processes that ran side by side.
"""
SEVERAL_SEEDS = """\
- Where a system was trained with several seeds, its CER, training time and RTF are means over them, and its
  errors are added up. It is compared with {baseline} over the seeds that both have, which stand in the table
  of seeds. Its intervals draw seeds as well as utterances (with three seeds they are rough, and rather too
  narrow), and "p" is of each utterance's errors summed over the seeds. ↕ marks a system that is better than
  {baseline} with one seed and worse with another.
"""
OTHER_SPEAKERS = """\
- Speakers: the same difference with each speaker's utterances taken together. Interval and p then say what
  other speakers of the kind would change, not other sentences of these. Sets with fewer than {many} known
  speakers are left out.
"""
WORDS = """\
- "WER" is the word error rate; differences and p are of CER.
"""
WITH_SPACES, WITHOUT_SPACES = ", the space between two words among them", " without spaces"
PUBLISHED = """\
## Published, not run here

CER in percent as the sources state it, or derived from them where the remark says so; other data
preparation, other scoring, other machines.
"""


def write_comparison(out: Path, rows: Sequence[Row], published: Published | None = None) -> str:
    """Write ``OUT.md`` and ``OUT.json`` and return the former's main table, with why a row was not run."""
    table = "\n\n".join([_main_table(rows), *_not_run(rows)]) + "\n"
    parts = ["# Comparison\n", table, "## Errors\n", _details_table(rows) + "\n"]
    several = any(len(row.results) > 1 for row in rows)
    if several:
        parts += ["## Seeds\n", _seeds_table(rows) + "\n"]
    speakers = [row for row in rows if row.margin and row.margin.by_speaker]
    if speakers:
        parts += ["## Speakers\n", _speakers_table(speakers) + "\n"]
    if published is not None:
        parts += [PUBLISHED, published.as_table() + "\n"]
    words = _have_words(rows)
    found = {WORDS: words, SEVERAL_SEEDS: several, OTHER_SPEAKERS: speakers}
    notes = "".join([NOTES, *(note for note, needed in found.items() if needed)])
    spaces = WITH_SPACES if words else WITHOUT_SPACES
    notes = notes.format(baseline=rows[0].system.name, unknown=UNKNOWN, spaces=spaces, many=MANY_SPEAKERS)
    parts += ["## What the columns mean\n", notes]
    write_text(out.with_name(f"{out.name}.md"), "\n".join(parts))
    records = [_record(row) for row in rows]
    write_text(out.with_name(f"{out.name}.json"), json.dumps(records, ensure_ascii=False, indent=1) + "\n")
    return table


def _main_table(rows: Sequence[Row]) -> str:
    """CER and what belongs to it; WER stands beside it where words were scored."""
    header, cells = list(HEADER), [_main_cells(row) for row in rows]
    if _have_words(rows):
        header.insert(3, "WER %")
        for each, row in zip(cells, rows, strict=True):
            each.insert(3, number(row.wer, ".2f"))
    return markdown_table(header, cells, left={0, 1})


def _have_words(rows: Sequence[Row]) -> bool:
    return any(row.wer is not None for row in rows)


def _main_cells(row: Row) -> list[str]:
    cer, change, difference, p = "not run", UNKNOWN, UNKNOWN, UNKNOWN
    if row.result and row.interval:
        low, high = row.interval
        cer = f"{row.result.total.err_rate:.2f} [{low:.2f}, {high:.2f}]"
    if row.margin is not None:
        change = number(row.margin.change, "+.1f")
        difference = row.margin.shown(row.margin.interval)
        p = p_value(row.margin.p)
    millions = None if row.parameters is None else row.parameters / 1e6
    costs = [number(millions, ".2f"), number(row.seconds_train, ".0f"), number(row.rtf, ".4f")]
    return [row.system.name, row.dataset, cer, change, difference, p, *costs]


def _details_table(rows: Sequence[Row]) -> str:
    return markdown_table(
        DETAILS, [_detail_cells(row, row.result) for row in rows if row.result], left={0, 1, 2}
    )


def _detail_cells(row: Row, result: Result) -> list[str]:
    c = result.total
    counts = [str(count) for count in (c.units, c.substitutions, c.deletions, c.insertions)]
    return [row.system.name, row.dataset, row.system.decode, *counts, p_value(row.p_holm)]


def _seeds_table(rows: Sequence[Row]) -> str:
    header = ["system", "set", "CER % of each seed", "compared over"]
    return markdown_table(header, [_seed_cells(row) for row in rows if row.results], left={0, 1, 2, 3})


def _seed_cells(row: Row) -> list[str]:
    rates = ", ".join(f"{seed}: {result.total.err_rate:.2f}" for seed, result in row.results.items())
    common = ", ".join(map(str, row.margin.seeds)) if row.margin else UNKNOWN
    return [row.system.name, row.dataset, rates, common]


def _speakers_table(rows: Sequence[Row]) -> str:
    header = ["system", "set", "speakers", "difference [95 %]", "p"]
    return markdown_table(header, [_speaker_cells(row) for row in rows], left={0, 1})


def _speaker_cells(row: Row) -> list[str]:
    assert row.margin and row.margin.by_speaker
    speakers, interval, p = row.margin.by_speaker
    return [row.system.name, row.dataset, str(speakers), row.margin.shown(interval), p_value(p)]


def _not_run(rows: Sequence[Row]) -> list[str]:
    return [f"not run: {row.system.name} on {row.dataset}: {row.not_run}" for row in rows if row.not_run]


def _record(row: Row) -> dict[str, object]:
    """The row as it stands in ``OUT.json``; null where the system was not run."""
    counts = row.result.total if row.result else None
    return {
        "system": row.system.name,
        "set": row.dataset,
        "cer": counts.err_rate if counts else None,
        "chars": counts.units if counts else None,
        "sub": counts.substitutions if counts else None,
        "del": counts.deletions if counts else None,
        "ins": counts.insertions if counts else None,
        "seconds_train": row.seconds_train,
        "cer_interval": row.interval,
        "margin": _margin_record(row.margin, row.p_holm) if row.margin else None,
        "parameters": row.parameters,
        "rtf": row.rtf,
        "experiment": str(row.system.experiment),
        "decode": row.system.decode,
        "not_run": row.not_run,
        **({} if row.wer is None else {"wer": row.wer}),
        **({"seeds": _seed_records(row)} if len(row.results) > 1 else {}),
    }


def _margin_record(margin: Margin, p_holm: float | None) -> dict[str, object]:
    record = {name: getattr(margin, name) for name in ("difference", "interval", "change", "p")}
    record["p_holm"] = p_holm
    if margin.by_speaker:
        record["by_speaker"] = margin.by_speaker._asdict()
    if len(margin.seeds) > 1:
        record["differences"] = dict(zip(margin.seeds, margin.differences, strict=True))
    return record


def _seed_records(row: Row) -> dict[int, dict[str, object]]:
    """Seed → where it was trained, and its CER."""
    return {
        seed: {"experiment": str(training.experiment), "cer": result.total.err_rate}
        for (seed, result), training in zip(row.results.items(), row.system.trainings, strict=True)
    }
