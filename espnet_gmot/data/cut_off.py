"""Whether a sound file holds as much as its header says; libsndfile reads what it can and keeps silent."""

import os
import re
from io import BytesIO
from typing import BinaryIO, Literal, NamedTuple

import soundfile

WAV_FORMS = (b"RIFF", b"RIFX", b"RF64")
UNKNOWN_LENGTH = 0x7FFF0000  # from here on a header's length is what sox, ffmpeg … write into a pipe
TRAILER = 4096  # bytes after a WAV file's chunks that may be padding or a tag
OGG_TAIL = 65307  # bytes of the longest page


class DataChunk(NamedTuple):
    """The samples of a WAV file.

    Attributes:
        place: where the header has their length.
        promised: that length in bytes.
        found: the bytes there are.
    """

    place: int
    promised: int
    found: int


def opened(sound: str | bytes) -> BinaryIO:
    """Open a path or bytes for reading."""
    return BytesIO(sound) if isinstance(sound, bytes) else open(sound, "rb")


def with_known_length(sound: str | bytes) -> tuple[str | bytes, DataChunk | None]:
    """Return ``sound`` and where a WAV file has its samples; a stream of 0 bytes gets the length that it has.

    libsndfile takes all that is there where a header has one of the other values for an unknown length.
    """
    with opened(sound) as stream:
        chunk = data_chunk(stream)
        if chunk is None or chunk.promised or not chunk.found or not _is_stream(stream):
            return sound, chunk
        stream.seek(0)
        content = bytearray(stream.read())
    content[chunk.place : chunk.place + 4] = chunk.found.to_bytes(4, "little")
    return bytes(content), chunk._replace(promised=chunk.found)


def bytes_missing(sound: str | bytes, chunk: DataChunk | None, audio: soundfile.SoundFile) -> str:
    """Say how much is missing at the end of ``sound``, which is open as ``audio``; empty if nothing is.

    ``chunk`` is from :func:`with_known_length`, as for :func:`bytes_unread`.

    FLAC tells by itself, and MP3 by giving fewer samples than ``audio.frames``. An MP3 or OGG stream that was
    cut between two frames or pages, and has no header with its length, looks whole.
    """
    if chunk is not None:
        if chunk.promised >= UNKNOWN_LENGTH or chunk.promised <= chunk.found:
            return ""
        return f"its header promises {chunk.promised} bytes of samples and {chunk.found} are there"
    with opened(sound) as stream:
        start = stream.read(1024)
        if start[:4] in WAV_FORMS:
            return ""
        if start[:4] == b"OggS":
            return _ogg_missing(stream)
        if start[:4] == b"NIST":
            promised = [int(count) for count in re.findall(rb"sample_count -i (\d+)", start)]
            found = audio.frames
        else:
            # AIFF, AU, CAF and W64: libsndfile notes in its log where a length does not fit the file.
            notes = re.findall(r": (\d+) \(should be (\d+)\)", audio.extra_info)
            promised, found = [int(length) for length, _ in notes], min([int(n) for _, n in notes], default=0)
    longer = [length for length in promised if found < length < UNKNOWN_LENGTH]
    return f"its header promises {longer[0]} and {found} are there" if longer else ""


def bytes_unread(sound: str | bytes, chunk: DataChunk | None) -> int:
    """Count the bytes behind a WAV file's samples that no chunk accounts for; 0 if they can be no sound.

    They are there if the header was written too early.
    """
    if chunk is None or chunk.promised >= chunk.found:
        return 0
    with opened(sound) as stream:
        stream.seek(chunk.place + 4 + chunk.promised + chunk.promised % 2)
        rest = stream.read()
    is_other_chunk = rest[:3].isascii() and rest[:3].decode().isprintable()
    return 0 if is_other_chunk or len(rest) <= TRAILER or not any(rest) else len(rest)


def data_chunk(stream: BinaryIO) -> DataChunk | None:
    """Find the samples of a WAV file (RIFF, RIFX or RF64); None if it is none or has no such chunk."""
    stream.seek(0, os.SEEK_END)
    end = stream.tell()
    stream.seek(0)
    form = stream.read(12)[:4]
    order: Literal["big", "little"] = "big" if form == b"RIFX" else "little"
    long_size = 0
    while form in WAV_FORMS and len(header := stream.read(8)) == 8:
        size, place = int.from_bytes(header[4:], order), stream.tell()
        if header[:4] == b"data":
            return DataChunk(place - 4, long_size or size, end - place)
        if header[:4] == b"ds64":
            long_size = int.from_bytes(stream.read(16)[8:], order)
        stream.seek(place + size + size % 2)
    return None


def _is_stream(stream: BinaryIO) -> bool:
    """Whether a RIFF header does not say how long the whole is either."""
    stream.seek(0)
    form, size = stream.read(4), int.from_bytes(stream.read(4), "little")
    return form == b"RIFF" and (size == 0 or size >= UNKNOWN_LENGTH)


def _ogg_missing(stream: BinaryIO) -> str:
    """Compare the last page with the lengths of its segments, which its header lists."""
    stream.seek(max(0, stream.seek(0, os.SEEK_END) - OGG_TAIL))
    tail = stream.read()
    page = tail[tail.rfind(b"OggS") :]
    segments = page[27 : 27 + page[26]] if len(page) > 26 else b""
    needed = 27 + len(segments) + sum(segments)
    whole = len(page) > 26 and len(segments) == page[26] and len(page) >= needed
    return "" if whole else "its last page is not whole"
