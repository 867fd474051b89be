"""Text files from outside: read as UTF-8, or refused with what converts them."""

import codecs
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from espnet_gmot.errors import InputError

# How the first four bytes tell: by a byte-order mark, or by the zeros between two ASCII characters.
WIDE_ENCODINGS: dict[str, Callable[[bytes], bool]] = {
    "UTF-32": lambda start: start in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
    "UTF-16": lambda start: start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)),
    "UTF-32LE": lambda start: len(start) == 4 and start[0] != 0 and start[1:] == bytes(3),
    "UTF-32BE": lambda start: len(start) == 4 and start[3] != 0 and start[:3] == bytes(3),
    "UTF-16LE": lambda start: len(start) == 4 and 0 not in start[::2] and start[1::2] == bytes(2),
    "UTF-16BE": lambda start: len(start) == 4 and 0 not in start[1::2] and start[::2] == bytes(2),
}


def read_text(path: str | Path) -> str:
    """Read a text file in UTF-8, without the byte-order mark that some editors put before it.

    Raises:
        InputError: it is in another encoding; the message has the command that converts it.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "text"
        >>> _ = path.write_text("\ufeffutt1 hello")
        >>> read_text(path)
        'utt1 hello'
    """
    with open_text(path) as stream:
        return stream.read()


@contextmanager
def open_text(path: str | Path) -> Iterator[TextIO]:
    """Open such a file, or a pipe, to read it in parts; the errors are the same."""
    try:
        with Path(path).open("rb") as stream:
            _refuse_wide_characters(path, stream.peek(4))
            yield TextIOWrapper(stream, encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 ({error}); convert it to UTF-8 with iconv") from error


def refuse_wide_characters(path: str | Path) -> None:
    """Raise an InputError if a text file is in UTF-16 or UTF-32, as its first bytes tell."""
    with Path(path).open("rb") as stream:
        _refuse_wide_characters(path, stream.read(4))


def _refuse_wide_characters(path: str | Path, start: bytes) -> None:
    for encoding, looks_so in WIDE_ENCODINGS.items():
        if looks_so(start[:4]):
            raise InputError(
                f"{path} is not UTF-8 but {encoding}; convert it to UTF-8: "
                f"iconv -f {encoding} -t UTF-8 {path} > NEW, and put NEW in its place"
            )
