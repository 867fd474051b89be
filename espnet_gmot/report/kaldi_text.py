"""Reading Kaldi's ``text`` and ``utt2spk``, with hypotheses allowed to be empty."""

from pathlib import Path

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file


def read_text(path: str | Path, cure: str) -> dict[str, str]:
    """Read lines ``ID TEXT`` into a dictionary; an ID alone on its line has the empty text.

    A recogniser that outputs only blanks writes such a line, so the caller decides whether an
    empty text is an error.

    Args:
        path: a Kaldi table.
        cure: what to do if the file is missing or empty, e.g. "run stage 12 to decode".

    Raises:
        InputError: no file, not UTF-8, an empty line or an ID that comes twice.
    """
    try:
        content = require_file(path, cure).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 ({error}); convert it to UTF-8") from error
    texts: dict[str, str] = {}
    # Only the newline ends a line: str.splitlines would also break at U+2028 inside a transcript.
    for number, line in enumerate(content.removesuffix("\n").split("\n"), start=1):
        utterance, text = [*line.split(maxsplit=1), "", ""][:2]
        if not utterance:
            raise InputError(f"{path}:{number}: the line is empty; {cure}")
        if utterance in texts:
            raise InputError(f"{path}:{number}: utterance {utterance} comes twice; keep one line of it")
        texts[utterance] = text.strip()
    return texts


def require_same_ids(a: dict, a_name: str | Path, b: dict, b_name: str | Path, cure: str) -> None:
    """Raise an InputError that counts and names the IDs that only one of two tables has."""
    only_a, only_b = sorted(a.keys() - b.keys()), sorted(b.keys() - a.keys())
    faults = [
        f"{len(ids)} utterances of {here} are not in {there} (first: {', '.join(ids[:3])})"
        for ids, here, there in ((only_a, a_name, b_name), (only_b, b_name, a_name))
        if ids
    ]
    if faults:
        raise InputError(f"{' and '.join(faults)}; {cure}")
