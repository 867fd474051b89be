"""Lines of large files, byte by byte as other programs count and join them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from espnet_gmot.files import write_aside


def count_lines(path: Path) -> int:
    """Return the number of lines."""
    with path.open("rb") as lines:
        return sum(1 for _ in lines)


def join_lines(paths: Sequence[Path], target: Path, keep: Callable[[bytes], object] = bool) -> Path:
    """Write the lines of all files that ``keep`` accepts to ``target``, and return it."""
    with write_aside(target) as aside, aside.open("wb") as stream:
        for path in paths:
            with path.open("rb") as lines:
                stream.writelines(line.rstrip(b"\n") + b"\n" for line in lines if keep(line))
    return target
