"""Where an entry of wav.scp has its sound: in a file, in the output of a command or in a Kaldi archive."""

import os
import re
import shutil
import signal
import subprocess
from typing import BinaryIO

from espnet_gmot.errors import InputError

AGAIN = "make the file again or take the utterance out"
WRAPPING = b"AUDIO"  # opens what kaldiio and omniio decode with soundfile, to samples in [-1, 1)
LINES_SHOWN = 3  # of what a failed command printed
ENDED_BY_READER = 128 + signal.SIGPIPE  # e.g. of `cat` in `cat FILE | head -c 32044`


def command_of(source: str) -> str | None:
    """The shell command of an entry ``COMMAND |``; None for a file or an archive.

    Example:
        >>> command_of("sph2pipe -f wav a.sph |"), command_of("a.wav")
        ('sph2pipe -f wav a.sph', None)
    """
    stripped = source.strip()
    if not (stripped.endswith("|") or stripped.startswith("|")):
        return None
    return stripped.removeprefix("|").removesuffix("|").strip()


def archive_of(source: str) -> tuple[str, int] | None:
    """Path and offset of an entry ``FILE.ark:OFFSET``; None for a file or a command.

    Example:
        >>> archive_of("dump/data_wav.ark:17")
        ('dump/data_wav.ark', 17)
    """
    match = re.fullmatch(r"(.+\.ark):(\d+)", source)
    return None if match is None or command_of(source) is not None else (match[1], int(match[2]))


def locate_sound(source: str) -> str | bytes:
    """Return the path of a plain file, or the bytes that a command prints or an archive holds.

    Raises:
        InputError: no file, an empty one, a command that fails, or no sound at the archive's offset.
    """
    if command := command_of(source):
        return _not_empty(source, run_command(command))
    path, offset = archive_of(source) or (source, None)
    if not os.path.isfile(path):
        raise InputError(f"{path} does not exist; correct wav.scp or make the file again")
    if offset is None:
        if os.path.getsize(path) == 0:
            raise _empty(source)
        return path
    with open(path, "rb") as stream:
        stream.seek(offset)
        return _read_member(source, stream)


def run_command(command: str) -> bytes:
    """Run a shell command and return what it prints; in bash every part of a pipeline must succeed.

    Raises:
        InputError: it failed; with the end of what it printed on stderr.
    """
    bash = shutil.which("bash")
    shell = [bash, "-o", "pipefail"] if bash else ["sh"]
    done = subprocess.run([*shell, "-c", command], stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode in (0, ENDED_BY_READER):
        return done.stdout
    printed = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    reason = " / ".join(printed[-LINES_SHOWN:]) or "it printed no reason"
    raise InputError(
        f"{command} | cannot be read as audio (exit status {done.returncode}: {reason}); correct the command "
        "in wav.scp or take the utterance out"
    )


def wrapped_length(start: bytes, stream: BinaryIO) -> int | None:
    """The bytes of a file that kaldiio wraps in ``AUDIO``, which follows; None where no such wrapping opens.

    Args:
        start: four bytes.
        stream: the archive, behind them.
    """
    if start + stream.read(1) != WRAPPING:
        return None
    width = int.from_bytes(stream.read(1))
    return int.from_bytes(stream.read(width), "little")


def _read_member(source: str, stream: BinaryIO) -> bytes:
    """Read a WAV or FLAC file, or what kaldiio wraps in ``AUDIO``, from the archive's offset on."""
    start = stream.read(4)
    if start == b"fLaC":
        return start + stream.read()
    if start == b"RIFF":
        size = stream.read(4)
        length = int.from_bytes(size, "little")
        content, start = stream.read(length), start + size
    elif (wrapped := wrapped_length(start, stream)) is not None:
        length, start = wrapped, b""
        content = stream.read(length)
    else:
        raise InputError(f"{source} is no audio in an archive; correct the offset or format the data again")
    if len(content) < length:
        raise InputError(f"{source} cannot be read as audio (the archive is cut off); {AGAIN}")
    return _not_empty(source, start + content)


def _not_empty(source: str, content: bytes) -> bytes:
    if not content:
        raise _empty(source)
    return content


def _empty(source: str) -> InputError:
    return InputError(f"{source} is empty; {AGAIN}")
