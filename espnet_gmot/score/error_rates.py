"""Error counts of hypotheses against references, by jiwer's minimum edit distance."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from math import nan
from operator import add
from pathlib import Path
from typing import get_args

import jiwer

from espnet_gmot.data.kaldi_text import require_same_ids
from espnet_gmot.errors import InputError
from espnet_gmot.score.units import Unit, units_of


@dataclass(frozen=True)
class ErrorCounts:
    """Counts of one utterance, or their sum over many; ``+`` adds them.

    Example:
        >>> counts = ErrorCounts(8, 1, 1, 2, 1, 1) + ErrorCounts(10, 0, 0, 0, 1, 0)
        >>> counts.units, counts.err_rate, counts.sent_err_rate
        (20, 20.0, 50.0)
    """

    correct: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    sentences: int = 0
    sentences_with_errors: int = 0

    def __add__(self, other: "ErrorCounts") -> "ErrorCounts":
        return ErrorCounts(*map(add, astuple(self), astuple(other)))

    @property
    def units(self) -> int:
        """Characters or words of the reference: N = correct + substitutions + deletions."""
        return self.correct + self.substitutions + self.deletions

    @property
    def errors(self) -> int:
        """Substitutions + deletions + insertions."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def err_rate(self) -> float:
        """100 · errors / N, in percent; insertions can take it above 100, and it is nan where N is 0."""
        return self.percent(self.errors)

    @property
    def sent_err_rate(self) -> float:
        """Share of the sentences that have an error, in percent."""
        return 100 * self.sentences_with_errors / self.sentences

    def percent(self, count: int) -> float:
        """``count`` as a percentage of the reference's units."""
        return 100 * count / self.units if self.units else nan


def score(
    ref: dict[str, str],
    hyp: dict[str, str],
    unit: Unit,
    ref_name: str | Path = "the reference",
    hyp_name: str | Path = "the hypothesis",
    spaces: bool = False,
    allow_empty: bool = False,
) -> dict[str, ErrorCounts]:
    """Count the errors of each utterance.

    All errors cost 1, so the total is the least possible. NIST's sclite weighs a substitution 4
    and the others 3: it gives the same total except in rare alignments, but may divide it
    otherwise into Sub, Del and Ins.

    Args:
        ref: utterance → transcript.
        hyp: utterance → recognised text; empty text counts as deletions.
        unit: "char" or "word"; ``<unk>`` is one of either.
        ref_name: the reference's file, for messages.
        hyp_name: the hypothesis's file, for messages.
        spaces: count the space between two words as a character, as ESPnet does.
        allow_empty: give an empty reference 0 units, so that all that was recognised there is inserted.

    Raises:
        InputError: other units, IDs that differ, an empty reference that is not allowed, or no unit at all.

    Example:
        >>> score({"utt1": "今天 下雨"}, {"utt1": "今天雨水"}, "char")["utt1"].errors
        2
    """
    if unit not in get_args(Unit):
        raise InputError(f"unit is {unit!r}; choose one of {', '.join(get_args(Unit))}")
    require_same_ids(
        ref, ref_name, hyp, hyp_name, "decode all of that set (stage 12), or score against the set decoded"
    )
    empty = [utterance for utterance, text in ref.items() if not text.split()]
    if empty and (not allow_empty or len(empty) == len(ref)):
        raise InputError(
            f"{ref_name}: {len(empty)} utterances have an empty transcript (first: {empty[0]}); "
            "remove them from the set or transcribe them"
        )
    return {
        utterance: _count(units_of(text, unit, spaces), units_of(hyp[utterance], unit, spaces))
        for utterance, text in ref.items()
    }


def total(counts: Iterable[ErrorCounts]) -> ErrorCounts:
    """Sum of error counts."""
    return sum(counts, ErrorCounts())


def _count(ref: list[str], hyp: list[str]) -> ErrorCounts:
    if not ref:  # which jiwer refuses
        return ErrorCounts(insertions=len(hyp), sentences=1, sentences_with_errors=int(bool(hyp)))
    size = {"equal": 0, "substitute": 0, "delete": 0, "insert": 0}
    for chunk in jiwer.process_words(" ".join(ref), " ".join(hyp)).alignments[0]:
        size[chunk.type] += max(
            chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx
        )
    errors = size["substitute"], size["delete"], size["insert"]
    return ErrorCounts(size["equal"], *errors, sentences=1, sentences_with_errors=int(any(errors)))
