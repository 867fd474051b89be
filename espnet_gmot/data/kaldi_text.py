"""Kaldi's tables of ``id value`` lines: ``text``, ``wav.scp``, ``utt2spk`` and their like."""

import codecs
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from espnet_gmot.errors import InputError
from espnet_gmot.text_files import open_text, read_text

SHOWN = 3  # ids that a message names
BYTE_ORDER_MARK = "\ufeff"
UNKNOWN = "<unk>"  # what ESPnet's models write for a token that their list lacks
MAKE_AGAIN = "make the data directory again (stage 1)"


def read_table(
    path: str | Path, cure: str = f"{MAKE_AGAIN} or correct the path", allow_empty: bool = False
) -> dict[str, str]:
    """Read a table of ``id value`` lines; the value keeps its inner spaces.

    A byte-order mark before a line, as files from Windows and what ``cat`` joins of them have, is left out.

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
    table: dict[str, str] = {}
    for number, (key, value) in enumerate(each_line(path, cure, allow_empty), start=1):
        if key in table:
            raise InputError(f"{path}:{number}: id {key} comes twice; keep one of its lines")
        table[key] = value
    return table


def each_line(path: str | Path, cure: str, allow_empty: bool = False) -> Iterator[tuple[str, str]]:
    """Give id and value of each line of such a table, or of a pipe, without keeping them.

    Args:
        path: the file or pipe, UTF-8.
        cure: what to do if there is none.
        allow_empty: let an id stand without a value.

    Raises:
        InputError: as :func:`read_table`, but for ids that come twice.
    """
    path = Path(path)
    if not path.exists() or path.is_dir():
        raise InputError(f"{path} does not exist; {cure}")
    with open_text(path) as stream:
        # Only the newline ends a line: str.splitlines would also break at U+2028 inside a transcript.
        for number, line in enumerate(stream, start=1):
            key, value = split_line(line)
            if not key:
                raise InputError(f"{path}:{number}: an empty line; remove it")
            if not value and not allow_empty:
                raise InputError(f"{path}:{number}: id {key} has no value; complete or remove the line")
            yield key, value.rstrip()


def split_line(line: str) -> tuple[str, str]:
    """The id and the value of a line, without a byte-order mark before it; what is missing is empty."""
    key, value, *_ = [*line.removeprefix(BYTE_ORDER_MARK).split(maxsplit=1), "", ""]
    return key, value


def has_marks(path: Path) -> bool:
    """Whether a file holds byte-order marks."""
    return codecs.BOM_UTF8 in path.read_bytes()


def removing_marks(path: Path) -> str:
    """The command that takes the byte-order marks before lines out of a file."""
    return rf"sed -i 's/^\xef\xbb\xbf//' {path}"


def plain_spaces(text: str) -> str:
    """Write every run of white space as one plain space and none outside: all steps read a transcript so.

    White space is what :meth:`str.split` splits at: tabs, no-break and ideographic spaces, line separators.
    Characters of no width are none. ESPnet's token list drops such white space, but its training takes all
    but the plain space for characters, which become ``<unk>``.

    Example:
        >>> plain_spaces("今天\u3000 天气\xa0很好\t")
        '今天 天气 很好'
    """
    return " ".join(text.split())


def with_plain_spaces(path: str | Path, transcripts: Mapping[str, str]) -> dict[str, str]:
    """Return the transcripts of a file with :func:`plain_spaces`; a warning counts those that it changes."""
    plain = {utterance: plain_spaces(text) for utterance, text in transcripts.items()}
    changed = [utterance for utterance, text in transcripts.items() if text != plain[utterance]]
    if changed:
        warn_of_spaces(path, len(changed), changed[0])
    return plain


def has_other_spaces(path: str | Path) -> bool:
    """Whether :func:`plain_spaces` changes a transcript of this file."""
    return any(text != plain_spaces(text) for text in read_table(path, allow_empty=True).values())


def warn_of_spaces(path: str | Path, count: int, first: str) -> None:
    """Tell how many transcripts of a file were changed by :func:`plain_spaces`, and name the first."""
    logging.warning(
        "%s: %d transcripts have white space other than single plain spaces (first: %s); each run of it is "
        "taken as one plain space",
        path,
        count,
        first,
    )


def read_symbols(path: str | Path) -> list[str]:
    """Read ESPnet's list of non-linguistic symbols, such as ``<noise>``: one a line.

    Raises:
        InputError: the file is missing or not UTF-8, or a byte-order mark stands before its first symbol,
            which ESPnet would take for a part of it.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist; correct --nlsyms_txt")
    content = read_text(path)
    if has_marks(path):
        raise InputError(
            f"{path} holds a byte-order mark, which ESPnet takes for a part of the symbol; "
            f"remove it: {removing_marks(path)}"
        )
    return [symbol for line in content.split("\n") if (symbol := line.rstrip())]


def first_names(ids: Sequence[str], most: int = SHOWN) -> str:
    """Name the first ids, with an ellipsis where there are more.

    Example:
        >>> first_names(["u1", "u2", "u3", "u4"])
        'u1, u2, u3, …'
    """
    return ", ".join(ids[:most]) + (", …" if len(ids) > most else "")


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
