"""Texts that nobody speaks in the time of their audio, and audio that hardly has any text."""

import logging
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from espnet_gmot.data.kaldi_text import first_names
from espnet_gmot.errors import MOST_NAMED

# The limits are this project's, far outside what is spoken: Mandarin has 4 to 8 syllables a second, a
# character each, and hurried English 20 letters and digits.
SHORTEST_SYLLABLE = 1 / 12  # seconds of a Chinese character or a Korean syllable
SHORTEST_LETTER = 1 / 30  # seconds of any other letter or digit
LONGEST_LETTER = 5.0  # seconds of either, pauses included
SYLLABLES = ("CJK UNIFIED IDEOGRAPH", "HANGUL SYLLABLE")  # how their names in Unicode begin


def time_to_speak(text: str) -> tuple[float, float]:
    """Return the fewest and the most seconds that a text can take; punctuation and spaces take none.

    Example:
        >>> least, most = time_to_speak("天气 ok!")
        >>> round(least, 3), most
        (0.233, 20.0)
    """
    spoken = [char for char in text if unicodedata.category(char)[0] in "LN"]
    syllables = sum(unicodedata.name(char, "").startswith(SYLLABLES) for char in spoken)
    least = syllables * SHORTEST_SYLLABLE + (len(spoken) - syllables) * SHORTEST_LETTER
    return least, len(spoken) * LONGEST_LETTER


def warn_of_absurd_rates(directory: Path, seconds: Mapping[str, float], text: Mapping[str, str]) -> None:
    """Count and name, in warnings, the utterances whose audio and text can hardly belong together.

    Args:
        directory: of the data, for the messages.
        seconds: by utterance, length of the audio.
        text: by utterance, the transcript.
    """
    limits = {utterance: time_to_speak(words) for utterance, words in text.items()}
    fast = [utterance for utterance, (least, _) in limits.items() if seconds[utterance] < least]
    slow = [utterance for utterance, (_, most) in limits.items() if seconds[utterance] > most]
    for found, what in (
        (
            fast,
            f"more than {1 / SHORTEST_SYLLABLE:.0f} syllables or {1 / SHORTEST_LETTER:.0f} letters a second",
        ),
        (slow, f"less than a letter in {LONGEST_LETTER:g} seconds"),
    ):
        if found:
            named = [
                f"{utterance} ({len(text[utterance])} characters in {seconds[utterance]:.2f} s)"
                for utterance in found
            ]
            logging.warning(
                "%s: %d of %d utterances have %s: %s; do audio and text belong together? They stay in",
                directory, len(found), len(text), what, first_names(named, MOST_NAMED),
            )  # fmt: skip
