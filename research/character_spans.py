"""When each character of a transcript is spoken."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from espnet_gmot.data.character_times import Character
from espnet_gmot.errors import InputError


def spans_of(
    times: Mapping[str, Sequence[Character]], utterance: str, transcript: str, ctm: str | Path
) -> list[tuple[float, float]]:
    """Give start and end of each character of an utterance, in seconds.

    Args:
        times: what :func:`espnet_gmot.data.character_times.read_character_times` gives.
        utterance: the utterance.
        transcript: its text; spaces do not count.
        ctm: the file, for the error message.

    Raises:
        InputError: the characters are not those of the transcript.
    """
    characters = times.get(utterance, [])
    if "".join(each.char for each in characters) != "".join(transcript.split()):
        raise InputError(
            f"{ctm}: the characters of {utterance} are not those of its transcript; run stage 1 again"
        )
    return [(each.start, each.end) for each in characters]
