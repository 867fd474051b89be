"""Lines of large files: counted as other programs count them, and texts joined line by line."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from espnet_gmot.data.kaldi_text import plain_spaces, split_line, warn_of_spaces
from espnet_gmot.files import write_aside
from espnet_gmot.text_files import open_text


def count_lines(path: Path) -> int:
    """Return the number of lines."""
    with path.open("rb") as lines:
        return sum(1 for _ in lines)


def join_lines(paths: Sequence[Path], target: Path, keep: Callable[[str], object] = bool) -> Path:
    """Write the lines ``id text`` of all files that ``keep`` accepts to ``target``, and return it.

    A byte-order mark is left out, and each text gets plain spaces; a warning counts those that this changes.

    Raises:
        InputError: a file is not UTF-8.
    """
    with write_aside(target) as aside, aside.open("w", encoding="utf-8", newline="\n") as stream:
        for path in paths:
            stream.writelines(line for line in _plain_lines(path) if keep(line))
    return target


def _plain_lines(path: Path) -> Iterator[str]:
    changed, first = 0, ""
    with open_text(path) as lines:
        for line in lines:
            key, text = split_line(line)
            plain = plain_spaces(text)
            if text.rstrip() != plain:
                changed, first = changed + 1, first or key
            yield f"{key} {plain}".rstrip() + "\n"
    if changed:
        warn_of_spaces(path, changed, first)
