"""The true times of characters, from the ``ctm`` that a synthesised set has."""

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file
from espnet_gmot.text_files import read_text


class Character(NamedTuple):
    """A character and when it is spoken, in seconds."""

    char: str
    start: float
    end: float


def read_character_times(path: str | Path) -> dict[str, list[Character]]:
    """Read lines ``utterance channel start duration character`` (NIST's ctm) by utterance.

    Raises:
        InputError: the file is missing or a line is none of this form.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "ctm"
        >>> _ = path.write_text("utt1 1 0.100 0.250 人\\n")
        >>> read_character_times(path)
        {'utt1': [Character(char='人', start=0.1, end=0.35)]}
    """
    text = read_text(require_file(path, "stage 1 writes it for synthesised speech"))
    times = defaultdict(list)
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            utterance, _, start, duration, char = line.split()
            times[utterance].append(Character(char, float(start), float(start) + float(duration)))
        except ValueError as error:
            raise InputError(
                f"{path}:{number}: {line!r} is not 'utterance channel start duration character'; "
                "run stage 1 again"
            ) from error
    return dict(times)
