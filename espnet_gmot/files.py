"""Files that appear whole or not at all, their names, and the checks made before reading or writing them."""

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from espnet_gmot.errors import InputError

ASIDE = ".aside."  # how the names begin of what is not whole yet
ASIDE_HERE = f"{ASIDE}{os.uname().nodename.partition('.')[0]}."  # on this machine
LEFT_BEHIND = 86400  # seconds, after which another machine is believed to be through with it
TABLES_BYTES = 10_000_000  # room for tables and logs beside the audio
LONGEST_NAME = 255  # bytes of one component of a path, on every usual file system
PROBE_BYTES = 1 << 20
_CHANGING_UMASK = threading.Lock()  # only by changing it can it be read


def file_name(name: str, suffix: str = "") -> str:
    """Make a file's name of an id from outside, another one for every id.

    Ordinary ids stay as they are. What would not be one visible component of a path is percent-encoded:
    ``/``, NUL, ``%`` and a leading dot. A name that is too long is cut and gets a hash.

    Example:
        >>> file_name("说话人1-u7", ".wav"), file_name("../corpus/u7"), file_name("100%")
        ('说话人1-u7.wav', '%2E.%2Fcorpus%2Fu7', '100%25')
        >>> len(file_name("长" * 100, ".wav").encode()) <= LONGEST_NAME
        True
    """
    safe = re.sub(r"[/\0%]|^\.", lambda match: f"%{ord(match[0]):02X}", name)
    if len((safe + suffix).encode()) <= LONGEST_NAME:
        return safe + suffix
    end = f"%~{hashlib.sha256(name.encode()).hexdigest()[:32]}{suffix}"  # "%~" stands in no other name
    return safe.encode()[: LONGEST_NAME - len(end.encode())].decode(errors="ignore") + end


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Let the system's errors name ``path``: it leaves out where a write failed, or names what stands aside.

    Example:
        >>> with naming("exp/p.npz"):
        ...     raise OSError(28, "No space left on device")
        Traceback (most recent call last):
        ...
        OSError: [Errno 28] No space left on device: 'exp/p.npz'
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or (error.filename is not None and ASIDE not in str(error.filename)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def write_aside(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` when the block ends well.

    The suffix of ``path`` is kept, because audio libraries read the format from it. If the block
    raises, nothing is left behind and a former ``path`` stays as it was. What a process that was killed
    left behind is removed by the next one that writes into the directory.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "text"
        >>> with write_aside(target) as aside:
        ...     _ = aside.write_text("utt1 hello")
        >>> target.read_text()
        'utt1 hello'
    """
    path = Path(path)

    def new_file() -> str:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=ASIDE_HERE, suffix=path.suffix)
        os.close(handle)
        return name

    with naming(path), _held(path.parent, new_file) as aside:
        try:
            yield aside
            aside.chmod(0o666 & ~_umask())
            aside.replace(path)
        except (RuntimeError, AssertionError):
            _find_reason(aside)
            raise
        finally:
            aside.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    with write_aside(path) as aside:
        aside.write_text(text, encoding="utf-8", newline="\n")


def write_if_missing(path: str | Path, text: str) -> None:
    """Write a text file unless it is there; of several processes that do so, one does."""
    path = Path(path)
    with naming(path), temporary_directory(path.parent) as directory:
        new = directory / path.name
        new.write_text(text, encoding="utf-8", newline="\n")
        try:
            path.hardlink_to(new)  # fails where there is one
        except FileExistsError:
            pass
        except OSError:  # the file system has no hard links
            if not path.exists():
                new.replace(path)


@contextmanager
def write_dir_aside(path: str | Path) -> Iterator[Path]:
    """Give a temporary directory beside ``path``; rename it to ``path`` when the block ends well.

    Raises:
        InputError: ``path`` exists already.
    """
    path = Path(path)
    if path.exists():
        raise InputError(f"{path} exists already; remove it to make it anew")
    with naming(path), temporary_directory(path.parent) as aside:
        try:
            yield aside
            aside.chmod(0o777 & ~_umask())
            aside.replace(path)
        except (RuntimeError, AssertionError):
            _find_reason(aside / ASIDE)
            raise


@contextmanager
def temporary_directory(parent: str | Path) -> Iterator[Path]:
    """Give a directory in ``parent`` that is gone after the block, or when the next process writes there."""
    parent = Path(parent)
    with _held(parent, lambda: tempfile.mkdtemp(dir=parent, prefix=ASIDE_HERE)) as aside:
        try:
            yield aside
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def append_text(path: Path, text: str) -> None:
    """Add to a text file in UTF-8; what is cut off by a full disk stays."""
    with naming(path), path.open("a", encoding="utf-8") as stream:
        stream.write(text)


def require_file(path: str | Path, cure: str) -> Path:
    """Return ``path`` if it is a file that is not empty; raise an InputError with ``cure`` if not."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a directory and no file; {cure}")
    if not path.is_file():
        raise InputError(f"{path} does not exist; {cure}")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty; {cure}")
    return path


def require_free_space(directory: str | Path, needed_bytes: int) -> None:
    """Raise an InputError unless the disk that holds ``directory`` has ``needed_bytes`` free."""
    directory = Path(directory)
    while not directory.exists():
        directory = directory.parent
    free = shutil.disk_usage(directory).free
    if free < needed_bytes:
        raise InputError(
            f"{directory} has {free / 1e9:.2f} GB free and {needed_bytes / 1e9:.2f} GB are needed; "
            "free some disk space or choose another place"
        )


def bytes_missing(directory: Path, estimate: int) -> int:
    """Bytes that a run still needs: its estimate without what ``directory`` holds, and the tables."""
    made = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    return max(0, estimate - made) + TABLES_BYTES


def _find_reason(aside: Path) -> None:
    """Raise the system's error if no more can be written: libraries for audio and tensors keep it back."""
    with aside.open("ab") as stream:
        stream.write(bytes(PROBE_BYTES))


@contextmanager
def _held(directory: Path, make: Callable[[], str]) -> Iterator[Path]:
    """Give what ``make`` makes in ``directory``, locked, so that no other process takes it for an orphan."""
    directory.mkdir(parents=True, exist_ok=True)
    _remove_orphans(directory)
    aside, handle = _make_locked(make)
    try:
        yield aside
    finally:
        os.close(handle)


def _make_locked(make: Callable[[], str]) -> tuple[Path, int]:
    while True:
        aside = Path(make())
        with suppress(FileNotFoundError):
            handle = os.open(aside, os.O_RDONLY)
            with suppress(OSError):  # the file system has no locks
                fcntl.flock(handle, fcntl.LOCK_SH)
            if aside.exists():  # no other process was faster than the lock
                return aside, handle
            os.close(handle)


@cache
def _remove_orphans(directory: Path) -> None:
    """Remove what killed processes left in a directory, once in a process: listing a large one takes time.

    On some network file systems a lock holds on its own machine alone, so what another one makes has time.
    """
    for aside in directory.glob(f"{ASIDE}*"):
        with suppress(OSError):  # in use, or the file system has no locks
            young = time.time() - aside.stat().st_mtime < LEFT_BEHIND
            if young and not aside.name.startswith(ASIDE_HERE):
                continue
            handle = os.open(aside, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(aside) if aside.is_dir() else aside.unlink()
            finally:
                os.close(handle)


def _umask() -> int:
    with _CHANGING_UMASK:
        mask = os.umask(0o077)
        os.umask(mask)
    return mask
