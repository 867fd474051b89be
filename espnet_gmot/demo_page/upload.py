"""What somebody uploads or records, as the model takes it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from espnet_gmot.data.sound import NO_LENGTH, open_sound, read_sound, to_float32
from espnet_gmot.data.sound_source import AGAIN, archive_of, command_of
from espnet_gmot.errors import InputError

MOST_SECONDS = 60.0  # attention takes memory that grows with the square of it
MOST_NUMBERS = 2 * 192_000  # a second: a small file may hold many, and all of them come into memory
ADVICE = "upload another WAV, FLAC, OGG or MP3 file, or record again"


class Upload(NamedTuple):
    """Speech from outside.

    Attributes:
        samples: float32 (n,) in [-1, 1], at the rate that was asked for.
        changes: what was done to what came, in words; empty where nothing was.
    """

    samples: np.ndarray
    changes: str


def read_upload(path: str | Path, rate: int) -> Upload:
    """Read a file, mix its channels down to one and resample it.

    Args:
        path: of any kind of audio that libsndfile knows.
        rate: in Hz, that the model was trained on.

    Raises:
        InputError: it is no audio, damaged, empty, longer than a minute or does not say how long it is;
            the message names the file without its directory.
    """
    name = Path(path).name
    if command_of(str(path)) is not None or archive_of(str(path)) is not None:
        raise InputError(f"{name} is no name for a recording; rename the file")  # it would run as a command
    try:
        with open_sound(str(path)) as audio:
            _require_small(audio, name)
        sound = read_sound(str(path))
    except InputError as error:
        told = str(error).replace(str(path), name).removesuffix(f"; {AGAIN}")
        raise InputError(f"{told}; {ADVICE}") from error
    samples = to_float32(sound.samples)
    changes = []
    if samples.ndim > 1:
        changes.append(f"{samples.shape[1]} channels were mixed down to one")
        samples = samples.mean(axis=1)
    if sound.rate != rate:
        changes.append(f"{sound.rate} Hz were resampled to {rate} Hz")
        samples = soxr.resample(samples, sound.rate, rate)
    return Upload(np.ascontiguousarray(samples), "; ".join(changes))


def _require_small(audio: soundfile.SoundFile, name: str) -> None:
    """Refuse by its header what would take much memory to read."""
    if audio.frames >= NO_LENGTH:
        raise InputError(f"{name} does not say how long it is")
    if (seconds := audio.frames / audio.samplerate) > MOST_SECONDS:
        raise InputError(f"{name} lasts {seconds:.0f} s, and the page takes {MOST_SECONDS:.0f} s at most")
    if audio.samplerate * audio.channels > MOST_NUMBERS:
        raise InputError(f"{name} has {audio.channels} channels of {audio.samplerate} Hz, more than it may")
