"""Substitutions that sound right: where knowledge of the language, not of the sound, is missing."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from operator import add

import jiwer

from espnet_gmot.errors import InputError


@dataclass(frozen=True)
class Substitutions:
    """Counts of substituted characters; ``+`` adds them.

    Args:
        same_sound: syllable and tone are right.
        same_syllable: the syllable is right, the tone is wrong.
        other: neither.
    """

    same_sound: int = 0
    same_syllable: int = 0
    other: int = 0

    def __add__(self, more: "Substitutions") -> "Substitutions":
        return Substitutions(*map(add, astuple(self), astuple(more)))

    @property
    def total(self) -> int:
        """All substitutions."""
        return self.same_sound + self.same_syllable + self.other


def count_substitutions(reference: str, hypothesis: str) -> Substitutions:
    """Split the substitutions of one utterance by how the two characters are read in their sentences.

    The alignment is jiwer's, as in :func:`espnet_gmot.score.error_rates.score`; the readings are those
    that the corpus was synthesised from (pypinyin, a character read in the context of its sentence).

    Args:
        reference: transcript; spaces do not count.
        hypothesis: recognised text.

    Raises:
        InputError: pypinyin is not installed.

    Example:
        >>> count_substitutions("他在家", "她再佳")  # ta1 zai4 jia1 for both
        Substitutions(same_sound=3, same_syllable=0, other=0)
        >>> count_substitutions("是马", "十大")  # shi4 ma3, shi2 da4
        Substitutions(same_sound=0, same_syllable=1, other=1)
    """
    said, heard = "".join(reference.split()), "".join(hypothesis.split())
    if not heard:
        return Substitutions()
    said_as, heard_as = syllables(said), syllables(heard)
    chunks = jiwer.process_words(" ".join(said), " ".join(heard)).alignments[0]
    pairs = [
        (said_as[chunk.ref_start_idx + i], heard_as[chunk.hyp_start_idx + i])
        for chunk in chunks
        if chunk.type == "substitute"
        for i in range(chunk.ref_end_idx - chunk.ref_start_idx)
    ]
    same_sound = sum(a == b for a, b in pairs)
    same_syllable = sum(a[:-1] == b[:-1] for a, b in pairs) - same_sound
    return Substitutions(same_sound, same_syllable, len(pairs) - same_sound - same_syllable)


def count_all(reference: dict[str, str], hypotheses: dict[str, str]) -> Substitutions:
    """Sum :func:`count_substitutions` over the utterances of a set."""
    return total(count_substitutions(text, hypotheses[utterance]) for utterance, text in reference.items())


def total(counts: Iterable[Substitutions]) -> Substitutions:
    """Sum of counts."""
    return sum(counts, Substitutions())


def syllables(sentence: str) -> list[str]:
    """Read each character: its syllable and, as the last character, its tone (5 neutral, 0 not Chinese).

    Example:
        >>> syllables("人民的")
        ['ren2', 'min2', 'de5']
    """
    try:
        from pypinyin import Style, lazy_pinyin
    except ImportError as error:
        raise InputError(
            f"homophones need the package pypinyin ({error}); pip install 'espnet_gmot[demo]'"
        ) from error
    return lazy_pinyin(
        sentence,
        style=Style.TONE3,
        neutral_tone_with_five=True,
        # its documentation allows a list, its types forget it
        errors=lambda unread: [f"{char}0" for char in unread],  # type: ignore[arg-type, return-value]
    )
