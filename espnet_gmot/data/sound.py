"""The samples of one entry of wav.scp, checked: the one reader of all commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import NamedTuple

import numpy as np
import soundfile

from espnet_gmot.data.cut_off import bytes_missing, bytes_unread, with_known_length
from espnet_gmot.data.sound_source import AGAIN, locate_sound
from espnet_gmot.errors import InputError

# Samples belong into [-1, 1]. MP3 and OGG made of speech whose loudest 5 % are at full scale come back with
# up to 3.4 % outside and a peak of 1.7: such samples are clipped, and counted. More is another scale, such as
# that of 16-bit integers, and refused.
LARGEST_PEAK = 2.0
LARGEST_SHARE = 0.05
NO_LENGTH = 1 << 40  # frames: libsndfile has a huge number for a FLAC stream of unknown length
BLOCK = 1 << 20  # samples of it read at a time


class Sound(NamedTuple):
    """What an entry of wav.scp holds.

    Attributes:
        samples: (n,) or (n, channels), int16 where the file has these, otherwise float64, as ESPnet reads.
        rate: in Hz.
        encoding: of a plain file in soundfile's words, such as ``WAV PCM_16``; empty where only this reader
            reads the entry as it stands.
    """

    samples: np.ndarray
    rate: int
    encoding: str


@contextmanager
def open_sound(source: str) -> Iterator[soundfile.SoundFile]:
    """Open an entry of wav.scp: a file of any kind that libsndfile knows, a command or an archive.

    Raises:
        InputError: it is missing, empty, cut off, no audio or longer than its header says, or reading fails.
    """
    try:
        sound, chunk = with_known_length(locate_sound(source))
        with soundfile.SoundFile(BytesIO(sound) if isinstance(sound, bytes) else sound) as audio:
            if missing := bytes_missing(sound, chunk, audio):
                raise cut_off(source, missing)
            if unread := bytes_unread(sound, chunk):
                raise InputError(
                    f"{source} has {unread} bytes after the samples that its header tells of; {AGAIN}"
                )
            yield audio
    except (OSError, RuntimeError, TypeError, ValueError) as error:  # TypeError: samples without a header
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "error_string", error)
        raise InputError(f"{source} cannot be read as audio ({reason}); {AGAIN}") from error


def read_sound(source: str) -> Sound:
    """Read an entry of wav.scp.

    Raises:
        InputError: as :func:`open_sound` and :func:`check_samples`.
    """
    with open_sound(source) as audio:
        samples = _read_all(source, audio, "int16" if audio.subtype == "PCM_16" else "float64")
    check_samples(source, samples)
    plain = audio.name == source and audio.frames < NO_LENGTH
    encoding = f"{audio.format} {audio.subtype}" if plain else ""
    return Sound(samples, audio.samplerate, encoding)


def check_samples(source: str, samples: np.ndarray) -> None:
    """Raise an InputError if there are no samples, or if floats are NaN, infinite or on another scale."""
    if samples.size == 0:
        raise InputError(f"{source} is empty; {AGAIN}")
    if samples.dtype == np.int16:
        return
    peak = max(samples.max(), -samples.min())  # NaN if there is one
    if not np.isfinite(peak):
        count = np.count_nonzero(~np.isfinite(samples))
        raise InputError(f"{source} has {count} samples that are NaN or infinite; {AGAIN}")
    share = count_outside(samples) / samples.size if peak > 1 else 0.0
    if peak > LARGEST_PEAK or share > LARGEST_SHARE:
        raise InputError(
            f"{source} has {share:.1%} of its samples outside [-1, 1], and a peak of {peak:.5g}; scale "
            "them (what was 16-bit audio is divided by 32768)"
        )


def count_outside(samples: np.ndarray) -> int:
    """The number of float samples outside [-1, 1]."""
    return int(np.count_nonzero(np.abs(samples) > 1.0))


def is_silent(samples: np.ndarray) -> bool:
    """Whether all samples (n,) are the same: nothing was recorded, or it was too faint for 16 bits."""
    return bool(samples.min() == samples.max())


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Round samples in [-1, 1) to 16 bit; what lies outside is clipped."""
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)


def to_float32(samples: np.ndarray) -> np.ndarray:
    """Give int16 or float samples as float32 in [-1, 1]."""
    floats = samples.astype(np.float32)
    return floats / 32768.0 if samples.dtype == np.int16 else floats


def cut_off(source: str, missing: str) -> InputError:
    """The error for a file that ends too early."""
    return InputError(f"{source} is cut off: {missing}; {AGAIN}")


def _read_all(source: str, audio: soundfile.SoundFile, dtype: str) -> np.ndarray:
    if audio.frames < NO_LENGTH:
        audio.seek(0)  # as soundfile.read does, after which an MP3 decodes a little otherwise
        samples = audio.read(dtype=dtype)
        if len(samples) < audio.frames:
            raise cut_off(source, f"it promises {audio.frames} samples and gives {len(samples)}")
        return samples
    audio.seekable = lambda: False  # or soundfile would look for the end after each block
    blocks = [audio.read(BLOCK, dtype=dtype)]
    while len(blocks[-1]) == BLOCK:
        blocks.append(audio.read(BLOCK, dtype=dtype))
    return np.concatenate(blocks)
