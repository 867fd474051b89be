"""The files of one scored set: ``result.txt`` for people, ``result.json`` for programs, ``per_utt.txt``."""

import json
import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from espnet_gmot.data.decoding_facts import checksum
from espnet_gmot.data.kaldi_text import read_symbols, read_table, require_same_ids
from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file, write_aside, write_text
from espnet_gmot.score.error_rates import ErrorCounts, score, total
from espnet_gmot.score.units import Unit, without_symbols

RULE = f"|{'-' * 84}|"
TITLE = "SYSTEM SUMMARY PERCENTAGES by SPEAKER"  # at the very top; sclite leaves lines empty before it
SCORE_CURE = "train, decode and score it with stages 11 to 13"


@dataclass(frozen=True)
class Result:
    """One scored set.

    Args:
        unit: what was counted.
        utterances: error counts of each.
        references: the transcripts they were scored against; None in a result of an earlier version.
        hypotheses: the texts that were scored; None as well.
        speakers: who says each; None as well.
    """

    unit: Unit
    utterances: dict[str, ErrorCounts]
    references: dict[str, str] | None = None
    hypotheses: dict[str, str] | None = None
    speakers: dict[str, str] | None = None

    @property
    def total(self) -> ErrorCounts:
        """Sum over the utterances."""
        return total(self.utterances.values())


def score_files(
    ref: Path,
    hyp: Path,
    utt2spk: Path,
    unit: Unit,
    out: Path,
    spaces: bool = False,
    nlsyms_txt: Path | None = None,
) -> Result:
    """Score a decoded set and write ``result.txt``, ``result.json`` and ``per_utt.txt`` into ``out``.

    Args:
        ref: Kaldi text of the set.
        hyp: Kaldi text that the recogniser wrote.
        utt2spk: speaker of each utterance.
        unit: "char" or "word".
        out: directory of the results, e.g. ``exp/asr_x/decode_y/test/score_cer``.
        spaces: count the space between two words as a character, as ESPnet does.
        nlsyms_txt: file of non-linguistic symbols, which are taken out of both texts, as ESPnet does.

    Raises:
        InputError: a file is missing, or the three do not have the same utterances.
    """
    refs = _read(ref, "prepare the data with stages 1 to 4")
    hyps = _read(hyp, "decode the set with stage 12")
    speakers = _read(utt2spk, "prepare the data with stages 1 to 4")
    require_same_ids(refs, ref, speakers, utt2spk, "prepare the data again, stages 1 to 4")
    if nlsyms_txt is not None:
        symbols = read_symbols(nlsyms_txt)
        refs, hyps = (
            {utterance: without_symbols(text, unit, symbols) for utterance, text in table.items()}
            for table in (refs, hyps)
        )
    counts = score(refs, hyps, unit, ref, hyp, spaces, allow_empty=True)
    _tell_of_empty(ref, [utterance for utterance, each in counts.items() if not each.units])
    result = Result(unit, counts, refs, hyps, speakers)

    write_per_utt(out / "per_utt.txt", result)
    write_result_txt(out / "result.txt", result, title=str(hyp))
    record = {"unit": unit, "total": asdict(result.total)} | asdict(result)
    if hyp.resolve() == hypotheses_of(out).resolve():
        record["text_sha256"] = checksum(hyp)
    write_text(out / "result.json", json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    return result


def hypotheses_of(scored: Path) -> Path:
    """The hypotheses that ``DECODED/SET/score_cer`` or ``score_wer`` counts: ``DECODED/SET/text``."""
    return scored.with_name("text")


def read_result(path: str | Path) -> Result:
    """Read a ``result.json``.

    Raises:
        InputError: it is missing, not such a file, without utterances or of other hypotheses than those that
            stand there now; the cure is stage 13.
    """
    text = require_file(path, SCORE_CURE).read_text(encoding="utf-8")
    try:
        record = json.loads(text)
        counts = {utterance: ErrorCounts(**fields) for utterance, fields in record["utterances"].items()}
        kept = (record.get(name) for name in ("references", "hypotheses", "speakers"))
        result = Result(record["unit"], counts, *kept)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not a result of this recipe ({error!r}); {SCORE_CURE}") from error
    if not result.utterances:
        raise InputError(f"{path} holds no utterance; {SCORE_CURE}")
    hypotheses = hypotheses_of(Path(path).parent)
    if hypotheses.is_file() and record.get("text_sha256") not in (None, checksum(hypotheses)):
        raise InputError(
            f"{path} counts other hypotheses than those in {hypotheses}; score them again, stage 13"
        )
    return result


def add_results(results: Iterable[Result]) -> Result:
    """Add up the counts of several results of the same set, utterance by utterance."""
    first, *others = results
    counts = {
        utterance: total([first.utterances[utterance], *(other.utterances[utterance] for other in others)])
        for utterance in first.utterances
    }
    return Result(first.unit, counts, first.references)


def references_of(path: str | Path, result: Result) -> dict[str, str]:
    """The transcripts that a set was scored against: utterance → text.

    Args:
        path: the ``result.json``.
        result: what was read from it. If it is of an earlier version, ``per_utt.txt`` has the transcripts.

    Raises:
        InputError: ``per_utt.txt`` is needed, and missing or not such a file; the cure is stage 13.
    """
    if result.references is not None:
        return result.references
    return read_references(Path(path).with_name("per_utt.txt"))


def read_references(path: str | Path) -> dict[str, str]:
    """Read the transcripts that a set was scored against from its ``per_utt.txt``.

    Raises:
        InputError: it is missing or not such a file; the cure is stage 13.
    """
    lines = require_file(path, SCORE_CURE).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    rows = [line.split("\t") for line in lines[1:]]
    if not lines[0].startswith("utterance\t") or any(len(row) < 8 for row in rows):
        raise InputError(f"{path} is not a result of this recipe; {SCORE_CURE}")
    return {row[0]: row[6] for row in rows}


def _tell_of_empty(ref: Path, utterances: list[str]) -> None:
    if utterances:
        logging.warning(
            "%s: %d utterances have nothing to score (first: %s): they have 0 units, and what was recognised "
            "there is inserted",
            ref,
            len(utterances),
            utterances[0],
        )


def _read(table: Path, cure: str) -> dict[str, str]:
    """Read a table that must not be empty; a recogniser that outputs only blanks leaves empty values."""
    return read_table(require_file(table, cure), cure, allow_empty=True)


def write_result_txt(path: Path, result: Result, title: str) -> None:
    """Write percentages by speaker in the layout of sclite's summary.

    ESPnet's ``show_asr_result.sh`` reads the line ``Sum/Avg``. As in sclite, ``# Wrd`` counts the
    units scored, which are characters in ``score_cer``; a speaker without any has ``nan`` for percentages.
    """
    speakers = result.speakers or {}
    by_speaker: dict[str, list[ErrorCounts]] = defaultdict(list)
    for utterance, counts in result.utterances.items():
        by_speaker[speakers[utterance]].append(counts)
    with write_aside(path) as aside, aside.open("w", encoding="utf-8") as file:
        print(TITLE, title, RULE, sep="\n", file=file)
        print(
            "| SPKR                   |  # Snt   # Wrd |  Corr    Sub    Del    Ins    Err  S.Err |",
            file=file,
        )
        for speaker, every in sorted(by_speaker.items()):
            print(_summary_line(speaker, total(every)), file=file)
        print(RULE, _summary_line("Sum/Avg", result.total), RULE, sep="\n", file=file)


def is_ours(result_txt: Path) -> bool:
    """Whether :func:`write_result_txt` wrote this page, not sclite."""
    return result_txt.read_text(encoding="utf-8", errors="replace").startswith(f"{TITLE}\n")


def write_per_utt(path: Path, result: Result) -> None:
    """Write one tab-separated line an utterance: its ID, counts, reference and hypothesis."""
    references, hypotheses = result.references or {}, result.hypotheses or {}
    with write_aside(path) as aside, aside.open("w", encoding="utf-8") as file:
        print("utterance", "N", "Corr", "Sub", "Del", "Ins", "ref", "hyp", sep="\t", file=file)
        for utterance, c in result.utterances.items():
            counts = (c.units, c.correct, c.substitutions, c.deletions, c.insertions)
            print(utterance, *counts, references[utterance], hypotheses[utterance], sep="\t", file=file)


def percentages(counts: ErrorCounts) -> list[float]:
    """The columns Corr, Sub, Del, Ins, Err and S.Err of sclite, in percent."""
    parts = (counts.correct, counts.substitutions, counts.deletions, counts.insertions)
    return [*map(counts.percent, parts), counts.err_rate, counts.sent_err_rate]


def _summary_line(name: str, counts: ErrorCounts) -> str:
    shares = " ".join(f"{share:6.1f}" for share in percentages(counts))
    return f"| {name:<22} | {counts.sentences:6d} {counts.units:7d} |{shares} |"
