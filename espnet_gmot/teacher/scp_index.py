"""Kaldi's scp files with sorted keys, looked up in the file itself."""

import mmap
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path


class ScpIndex:
    """The places of an scp file whose lines are sorted by key, as ``LC_ALL=C sort`` sorts them.

    The file is mapped and not read: whatever its size, it takes no memory of a process's own, and the
    processes of a machine share what the system holds of it. A look-up halves the file some 30 times.

    Args:
        path: the file, not empty.

    Example:
        >>> import tempfile
        >>> scp = Path(tempfile.mkdtemp()) / "teacher.scp"
        >>> _ = scp.write_text("a1 x.ark:5\\nb2 x.ark:99\\n")
        >>> ScpIndex(scp).place("b2"), ScpIndex(scp).place("b3"), "a1" in ScpIndex(scp)
        ('x.ark:99', None, True)
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as stream:
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)

    def __contains__(self, key: str) -> bool:
        return self.place(key) is not None

    def place(self, key: str) -> str | None:
        """Return where the entry of a key is, ``ARK:OFFSET``; None where there is none."""
        wanted = key.encode()
        start = self._line_from(bisect_left(range(len(self._map)), wanted, key=self._key_from))
        line = self._map[start : self._end_of(start)]
        found, _, place = line.partition(b" ")
        return place.decode() if found == wanted else None

    def _key_from(self, position: int) -> bytes:
        start = self._line_from(position)
        return self._map[start : self._map.find(b" ", start)] if start < len(self._map) else b"\xff"

    def _line_from(self, position: int) -> int:
        """The first line that begins there or later."""
        return 0 if position == 0 else self._end_of(position - 1) + 1

    def _end_of(self, position: int) -> int:
        """Where the line ends that holds a position."""
        end = self._map.find(b"\n", position)
        return len(self._map) if end < 0 else end


def read_scp(scp: Path) -> Iterator[tuple[str, str]]:
    """Give (key, place) of each entry of a Kaldi scp file."""
    with scp.open(encoding="utf-8") as lines:
        for line in lines:
            key, place = line.rstrip("\n").split(" ", 1)
            yield key, place
