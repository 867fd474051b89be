"""Kaldi's tables of ``id value`` lines: ``text``, ``wav.scp``, ``utt2spk`` and their like."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from espnet_gmot.errors import InputError

SHOWN = 3  # ids that a message names
MAKE_AGAIN = "make the data directory again (stage 1)"


def read_table(
    path: str | Path, cure: str = f"{MAKE_AGAIN} or correct the path", allow_empty: bool = False
) -> dict[str, str]:
    """Read a table of ``id value`` lines; the value keeps its inner spaces.

    Args:
        path: the file, UTF-8.
        cure: what to do if there is no such file, e.g. "run stage 12 to decode".
        allow_empty: let an id stand without a value, as decoded text does for silence.

    Raises:
        InputError: the file is missing or not UTF-8, a line is empty, an id comes twice or stands
            without a value.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "text"
        >>> _ = path.write_text("utt1 zai  jian\\nutt2\\n")
        >>> read_table(path, "run stage 1", allow_empty=True)
        {'utt1': 'zai  jian', 'utt2': ''}
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist; {cure}")
    try:
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 ({error}); convert it to UTF-8") from error
    table: dict[str, str] = {}
    # Only the newline ends a line: str.splitlines would also break at U+2028 inside a transcript.
    for number, line in enumerate(content.removesuffix("\n").split("\n") if content else [], start=1):
        key, value = [*line.split(maxsplit=1), "", ""][:2]
        if not key:
            raise InputError(f"{path}:{number}: an empty line; remove it")
        if key in table:
            raise InputError(f"{path}:{number}: id {key} comes twice; keep one of its lines")
        if not value and not allow_empty:
            raise InputError(f"{path}:{number}: id {key} has no value; complete or remove the line")
        table[key] = value.rstrip()
    return table


def first_names(ids: Sequence[str]) -> str:
    """Name the first ids, with an ellipsis where there are more.

    Example:
        >>> first_names(["u1", "u2", "u3", "u4"])
        'u1, u2, u3, …'
    """
    return ", ".join(ids[:SHOWN]) + (", …" if len(ids) > SHOWN else "")


def require_same_ids(
    a: Mapping[str, object], a_name: str | Path, b: Mapping[str, object], b_name: str | Path, cure: str
) -> None:
    """Raise an InputError that counts and names the ids that only one of two tables has."""
    only_a, only_b = sorted(a.keys() - b.keys()), sorted(b.keys() - a.keys())
    faults = [
        f"{len(ids)} utterances of {here} are not in {there} (first: {', '.join(ids[:3])})"
        for ids, here, there in ((only_a, a_name, b_name), (only_b, b_name, a_name))
        if ids
    ]
    if faults:
        raise InputError(f"{' and '.join(faults)}; {cure}")
