"""What a directory was made from: is it done, may it be continued, or must it be made anew?

Each such directory has one record, ``.begun`` while it is being made and ``.done`` afterwards: a JSON object
that names every input with a short text that changes when the input does.

"Remove ``.done`` to redo" holds everywhere: without a record nothing that lies there is continued.
"""

import hashlib
import json
import logging
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet_gmot.files import write_aside

BEGUN, DONE = ".begun", ".done"
READABLE = 80  # characters of an input that stand in the record as they are; longer ones are hashed
DIGITS = 16  # of a hash
VERSION, VERSION_NOW = "(version)", 2  # the first had none, and knew no NewInput
RETIRED = {VERSION, "speed perturbation"}  # stand in records and are not compared: the audio itself is now


@dataclass(frozen=True)
class NewInput:
    """An input that records of version 1 lack; such a record is taken as made from it unless it is younger.

    Args:
        value: what a record holds; None if it cannot be known, which differs from what was known.
        newest: when it was last written, seconds since the epoch; 0 if nobody knows.
    """

    value: Any
    newest: float = 0.0


class Record:
    """The record of one directory, for the inputs at hand.

    Args:
        directory: what is made; it need not be there yet.
        inputs: everything that it depends on, each under the name that messages use: numbers, texts, or
            the keys of files that :func:`content`, :func:`tables`, :func:`stamp` and
            :func:`~espnet_gmot.driver.audio_key.audio_key` give.

    Example:
        >>> import tempfile
        >>> directory = Path(tempfile.mkdtemp())
        >>> Record(directory, rate=16000).is_done()
        False
        >>> since = Record(directory, rate=16000).begin()
        >>> Record(directory, rate=16000).finish()
        >>> Record(directory, rate=16000).is_done()
        True
        >>> Record(directory, rate=8000).changes()
        ['rate']
    """

    def __init__(self, directory: str | Path, /, **inputs: Any):
        self.directory = Path(directory)
        self._new = {name: value for name, value in inputs.items() if isinstance(value, NewInput)}
        known = inputs | {name: new.value for name, new in self._new.items()}
        self.inputs = {name: _short(value) for name, value in known.items()}

    def is_done(self) -> bool:
        """Whether the directory was made to its end from the same inputs, by a record of this version."""
        return self.path.name == DONE and self._is_of_this_version() and not self.changes()

    def is_still_done(self, *files: Path, redo: Path | None = None) -> bool:
        """The same, told in the log, with the inputs that have changed where it has to be made again.

        Args:
            files: inputs. An earlier version's record is taken over, with a warning, unless one of them is
                younger.
            redo: what to remove to make the directory again (default: the record).
        """
        redo = redo or self.directory / DONE
        if self._read(DONE) is not None and not self._read(BEGUN) and not self._is_of_this_version():
            self._take_over(files, redo)
        if self.is_done():
            logging.info("already done (remove %s to redo)", redo)
            return True
        if changes := self.changes():
            logging.info(
                "the inputs of %s have changed (%s); making it again", self.directory, ", ".join(changes)
            )
        return False

    def changes(self) -> list[str]:
        """Names of the inputs that differ from those of the record; none without a record."""
        former = self._latest()
        if not former:
            return []
        names = [name for name in self.inputs | former if name not in RETIRED]
        differing = [name for name in names if self.inputs.get(name) != former.get(name)]
        if self._is_of_this_version():
            return differing
        return [name for name in differing if name in former or not self._was_there(name)]

    def begin(self, *names: str) -> float:
        """Record the inputs; what was begun from the same inputs is continued.

        Nothing is recorded as long as an input is not known: a disk may be missing for a moment.

        Args:
            names: the inputs that the files there follow from (default: all). Where only others have changed,
                the files stay as they are.

        Returns:
            Seconds since the epoch: files written after it stem from these inputs (see :func:`is_fresh`).
        """
        begun = self.directory / BEGUN
        if self._is_unknown():
            return time.time()
        since = self.path.stat().st_mtime if self.continues(*names) else None
        if since is not None and self.path == begun and not self._is_of_this_version():
            self._warn_of_version("gone on with as made from them")
        elif self._read(BEGUN) == {}:
            logging.warning(
                "%s cannot be compared with today's inputs: of an earlier version, or cut off", begun
            )
        with write_aside(begun) as aside:
            record = self.inputs | {VERSION: VERSION_NOW}
            aside.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            if since is not None:
                os.utime(aside, (since, since))
        (self.directory / DONE).unlink(missing_ok=True)
        return begun.stat().st_mtime

    def continues(self, *names: str) -> bool:
        """Whether what lies there stems from the same inputs, so that :meth:`begin` goes on from it."""
        former = self._latest() or {}
        return bool(former) and not set(names or former | self.inputs) & set(self.changes())

    def finish(self) -> None:
        """Record that the directory is made to its end."""
        if not self._is_unknown():
            (self.directory / BEGUN).replace(self.directory / DONE)

    def _take_over(self, files: Iterable[Path], redo: Path) -> None:
        record, former = self.directory / DONE, self._read(DONE)
        if self.changes():
            return
        if not former and not (all(map(self._was_there, self._new)) and is_fresh(record, 0.0, files)):
            logging.warning("%s is of an earlier version, and inputs are younger: making it again", record)
            return
        self._warn_of_version(f"taken as made from them (remove {redo} to redo)")
        (self.directory / BEGUN).unlink(missing_ok=True)  # earlier versions left it beside .done
        self.begin()
        self.finish()

    def _warn_of_version(self, what_is_done: str) -> None:
        unknown = f" ({', '.join(self._new)})" if self._latest() else ""
        message = "%s is of an earlier version and cannot be compared with today's inputs%s: %s"
        logging.warning(message, self.path, unknown, what_is_done)

    def _is_unknown(self) -> bool:
        return any(new.value is None for new in self._new.values())

    def _was_there(self, name: str) -> bool:
        """Whether a new input is known and not younger than the record."""
        new = self._new.get(name)
        return new is not None and new.value is not None and new.newest <= self.path.stat().st_mtime

    def _is_of_this_version(self) -> bool:
        """Whether the record names every kind of input that there is now."""
        former = self._latest() or {}
        return former.get(VERSION) == VERSION_NOW or bool(former and not self._new)

    @property
    def path(self) -> Path:
        """The record that is there; ``.begun`` goes first: a directory that was done is being made anew."""
        begun = self.directory / BEGUN
        return begun if begun.exists() else self.directory / DONE

    def _latest(self) -> dict[str, Any] | None:
        return self._read(self.path.name)

    def _read(self, name: str) -> dict[str, Any] | None:
        """The record; None if there is none, empty if it is none of ours."""
        try:
            found = json.loads((self.directory / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except json.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}


def content(*paths: str | Path) -> str:
    """A short text that changes with what stands in these files; a missing file counts as empty."""
    hashed = hashlib.sha256()
    for path in map(Path, paths):
        if path.is_file():
            with path.open("rb") as stream:
                hashlib.file_digest(stream, lambda: hashed)  # in blocks
        hashed.update(b"\0")
    return hashed.hexdigest()[:DIGITS]


def tables(directory: str | Path) -> dict[str, str]:
    """The same for each visible file of a data directory, by its name."""
    return {path.name: content(path) for path in visible_files(directory)}


def visible_files(directory: str | Path) -> list[Path]:
    """Those files, in the order of their names."""
    return sorted(
        path for path in Path(directory).iterdir() if path.is_file() and not path.name.startswith(".")
    )


def stamp(*paths: str | Path) -> str:
    """A short text that changes when one of these large files is written again, without reading them.

    It is that of name, size and full seconds: the same after the directory was moved, or unpacked by tar.
    """
    found = [(os.path.basename(path), os.stat(path).st_size, int(os.stat(path).st_mtime)) for path in paths]
    return digest(repr(found).encode())


def stamp_of_directory(directory: str | Path) -> str:
    """The same for all files below a directory, such as a local teacher; a missing one counts as empty."""
    return stamp(*sorted(path for path in Path(directory).rglob("*") if path.is_file()))


def digest(data: bytes) -> str:
    """The short text by which a record knows these bytes."""
    return hashlib.sha256(data).hexdigest()[:DIGITS]


def newest(*paths: str | Path) -> float:
    """When the last of those that exist was written, seconds since the epoch; 0 if none exists."""
    return max((os.stat(path).st_mtime for path in paths if os.path.exists(path)), default=0.0)


def is_fresh(path: Path, since: float, sources: Iterable[str | Path | None] = ()) -> bool:
    """Tell whether ``path`` was written after ``since`` and after those of its source files that exist."""
    if not path.exists():
        return False
    return path.stat().st_mtime >= max(since, newest(*(source for source in sources if source is not None)))


def _short(value: Any) -> Any:
    """What stands in the record: mappings count as equal in any order."""
    if isinstance(value, str | int | float | bool | None):
        return digest(value.encode()) if isinstance(value, str) and len(value) > READABLE else value
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return digest(text.encode()) if len(text) > READABLE else text
