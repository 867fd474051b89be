"""Read recordings that wav.scp names and write 16-bit single-channel audio."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import humanfriendly
import kaldiio
import numpy as np
import soundfile

from espnet_gmot.data.kaldi_data import DataDir
from espnet_gmot.errors import InputError
from espnet_gmot.files import write_aside

ARK_FORMAT = "flac.ark"
RECORDINGS_A_FOLDER = 1000  # whether a file each or all in one archive


@dataclass(frozen=True)
class Cut:
    """One utterance of a recording, from ``start`` to ``end`` seconds; None means the whole of it."""

    utterance: str
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Recording:
    """What wav.scp says of one recording, and the utterances in it."""

    source: str
    cuts: tuple[Cut, ...]

    @property
    def is_file(self) -> bool:
        """True for a plain audio file; False for a command (``… |``) or an archive (``….ark:OFFSET``)."""
        return self.file == self.source

    @property
    def file(self) -> str | None:
        """The path of the file or archive that holds it; None for a command."""
        source = self.source.strip()
        if source.endswith("|") or source.startswith("|"):
            return None
        return re.sub(r"(\.ark):\d+$", r"\1", self.source)


def parse_rate(rate: str) -> int:
    """Turn a sampling rate into Hz, as ESPnet reads it.

    Raises:
        InputError: it is no whole number of Hz from 1 up.

    Example:
        >>> parse_rate("16k"), parse_rate("22.05kHz")
        (16000, 22050)
    """
    try:
        hertz: int = humanfriendly.parse_size(rate)  # cuts fractions off
        number = re.findall(r"[\d.]+", rate)[0]
        exact = Decimal(number) * humanfriendly.parse_size(rate.replace(number, "1", 1))
    except humanfriendly.InvalidSize:
        hertz = exact = 0
    if hertz < 1 or hertz != exact:
        raise InputError(f"sampling rate {rate!r} is not understood; write for example 16k or 16000")
    return hertz


def recordings_of(data: DataDir) -> list[Recording]:
    """List the recordings of a data directory in id order, with their utterances.

    Raises:
        InputError: a line of ``segments`` is malformed or names a recording that wav.scp lacks.
    """
    if data.segments is None:
        return [Recording(source, (Cut(utterance),)) for utterance, source in data.wav_scp.items()]
    cuts: dict[str, list[Cut]] = {}
    for utterance, line in data.segments.items():
        recording, cut = _parse_segment(data.path / "segments", utterance, line, data.wav_scp)
        cuts.setdefault(recording, []).append(cut)
    return [Recording(data.wav_scp[recording], tuple(found)) for recording, found in cuts.items()]


def read_cuts(recording: Recording, rate: int | None = None) -> list[tuple[Cut, np.ndarray, int]]:
    """Read the utterances of one recording.

    Args:
        recording: source and utterances.
        rate: the sampling rate (Hz) that it must have; None takes any.

    Returns:
        (cut, samples, rate) for each utterance; samples are int16 of shape (n_samples,).

    Raises:
        InputError: unreadable, empty, more than one channel, another rate, or a segment outside it.
    """
    samples, found = _read_recording(recording)
    name = f"utterance {recording.cuts[0].utterance}: {recording.source}"
    if samples.ndim > 1:
        raise InputError(f"{name} has {samples.shape[1]} channels; mix it down to one first")
    if samples.size == 0:
        raise InputError(f"{name} is empty; make the file again or take the utterance out")
    if rate is not None and found != rate:
        raise InputError(f"{name} is at {found} Hz and --fs asks for {rate} Hz; resample it or change --fs")
    return [(cut, _slice(recording, cut, samples, found), found) for cut in recording.cuts]


def write_audio(path: Path, samples: np.ndarray, rate: int) -> None:
    """Write int16 ``samples`` (n_samples,) as 16-bit audio; the suffix of ``path`` says the format."""
    with write_aside(path) as aside:
        soundfile.write(aside, samples, rate, subtype="PCM_16")


def _read_recording(recording: Recording) -> tuple[np.ndarray, int]:
    name = f"utterance {recording.cuts[0].utterance}: {recording.source}"
    if recording.is_file and not os.path.isfile(recording.source):
        raise InputError(f"{name} does not exist; correct wav.scp or make the file again")
    if recording.is_file and os.path.getsize(recording.source) == 0:
        raise InputError(f"{name} is empty; make the file again or take the utterance out")
    try:
        return _read_file(recording.source) if recording.is_file else _read_kaldi(recording.source)
    # kaldiio raises whatever its parsers meet: OSError, ValueError, struct.error, CalledProcessError …
    except Exception as error:
        raise InputError(
            f"{name} cannot be read as audio ({error}); make the file again or take the utterance out"
        ) from error


def _read_file(source: str) -> tuple[np.ndarray, int]:
    with soundfile.SoundFile(source) as audio:
        if audio.subtype == "PCM_16":  # without a detour through floats, so that no bit changes
            return audio.read(dtype="int16"), audio.samplerate
        return to_int16(audio.read(dtype="float32")), audio.samplerate


def _read_kaldi(source: str) -> tuple[np.ndarray, int]:
    rate, samples = kaldiio.load_mat(source)
    return samples if samples.dtype == np.int16 else to_int16(samples), rate


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Round samples in [-1, 1) to 16 bit; what lies outside is clipped."""
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)


def _parse_segment(path: Path, utterance: str, line: str, wav_scp: Mapping[str, str]) -> tuple[str, Cut]:
    try:
        recording, start, end = line.split()
        cut = Cut(utterance, float(start), float(end))
    except ValueError as error:
        raise InputError(f"{path}: {utterance} needs 'recording start end' and has '{line}'") from error
    if recording not in wav_scp:
        raise InputError(
            f"{path}: {utterance} names recording {recording}, which wav.scp lacks; add it there"
        )
    return recording, cut


def _slice(recording: Recording, cut: Cut, samples: np.ndarray, rate: int) -> np.ndarray:
    if cut.start is None or cut.end is None:
        return samples
    if not 0 <= cut.start < cut.end or cut.start * rate >= len(samples):
        raise InputError(
            f"utterance {cut.utterance}: segment {cut.start}–{cut.end} s lies outside {recording.source} "
            f"({len(samples) / rate:.2f} s); correct segments"
        )
    return samples[round(cut.start * rate) : round(cut.end * rate)]
