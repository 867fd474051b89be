"""When each character of a transcript is spoken, and each of the teacher's tokens."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from espnet_gmot.data.character_times import Character, read_character_times
from espnet_gmot.errors import InputError
from espnet_gmot.teacher.token_spans import TeacherToken
from espnet_gmot.trained.couplings import SpokenText

Span = tuple[float, float]
# Start and end of each character of an utterance but for spaces, in seconds; None where they cannot be told.
Spans = Callable[[SpokenText], Sequence[Span] | None]


def true_spans(ctm: str | Path) -> Spans:
    """Take the times of characters from a ctm, which a synthesised set has; see :func:`spans_of`.

    Raises:
        InputError: the file is missing or damaged; when called, other characters than the transcript's.
    """
    times = read_character_times(ctm)
    return lambda spoken: spans_of(times, spoken.utterance, spoken.text, ctm)


def spans_of(
    times: Mapping[str, Sequence[Character]], utterance: str, transcript: str, ctm: str | Path
) -> list[Span]:
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


def token_spans(
    tokens: Sequence[TeacherToken], characters: Sequence[Span], utterance: str
) -> list[Span | None]:
    """Give start and end of each token: those of its first and of its last character.

    Args:
        tokens: what :func:`espnet_gmot.teacher.token_spans.teacher_tokens` gives.
        characters: what :func:`spans_of` gives.
        utterance: the utterance, for the error message.

    Returns:
        A span a token, None for one without characters.

    Raises:
        InputError: the tokenizer does not tell the characters, a token is but a part of one, or one is in no
            token.
    """
    place, spans = 0, list[Span | None]()
    for number, token in enumerate(tokens):
        if token.characters is None:
            raise InputError(
                "the teacher's tokenizer does not tell which characters a token stands for, so tokens have "
                "no times; choose a teacher with a fast tokenizer (tokenizer.json)"
            )
        if not token.characters:
            spans.append(None)
            continue
        if token.characters.start != place:
            raise InputError(
                f"utterance {utterance}: the teacher's token {number} ({token.label}) is a part of a "
                "character, or leaves one out, and has no time; choose a teacher of whole characters"
            )
        place = token.characters.stop
        spans.append((characters[token.characters.start][0], characters[place - 1][1]))
    if place != len(characters):
        raise InputError(
            f"utterance {utterance}: the teacher's tokens end at character {place} of {len(characters)}; "
            "choose a teacher whose tokenizer leaves none out"
        )
    return spans
