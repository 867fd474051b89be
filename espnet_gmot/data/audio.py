"""Read recordings that wav.scp names and write 16-bit single-channel audio."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import humanfriendly
import numpy as np
import soundfile

from espnet_gmot.data.kaldi_data import DataDir
from espnet_gmot.data.sound import count_outside, read_sound, to_int16
from espnet_gmot.data.sound_source import archive_of, command_of
from espnet_gmot.errors import InputError, collect_faults
from espnet_gmot.files import write_aside

ARK_FORMAT = "flac.ark"
RECORDINGS_A_FOLDER = 1000  # whether a file each or all in one archive
TO_THE_END = -1.0  # end of a segment
OVERSHOOT = 0.5  # seconds by which a segment may end after its recording, as in Kaldi's extract-segments


@dataclass(frozen=True, slots=True)
class Cut:
    """One utterance of a recording, from ``start`` to ``end`` seconds; None means the whole of it.

    An ``end`` of -1 is that of the recording, as in Kaldi.
    """

    utterance: str
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True)
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
        if command_of(self.source) is not None:
            return None
        archive = archive_of(self.source)
        return self.source if archive is None else archive[0]


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


class Recorded(NamedTuple):
    """What was read of a recording.

    Attributes:
        samples: int16 (n_samples,).
        rate: in Hz.
        clipped: how many samples were outside [-1, 1].
        encoding: of :class:`~espnet_gmot.data.sound.Sound`.
    """

    samples: np.ndarray
    rate: int
    clipped: int
    encoding: str


def read_recording(recording: Recording, rate: int | None = None) -> Recorded:
    """Read one recording.

    Args:
        recording: what wav.scp says of it.
        rate: the sampling rate (Hz) that it must have; None takes any.

    Raises:
        InputError: unreadable, empty, cut off, not in [-1, 1], more than one channel, or another rate.
    """
    name = f"utterance {recording.cuts[0].utterance}: "
    try:
        samples, found, encoding = read_sound(recording.source)
    except InputError as error:
        raise InputError(f"{name}{error}") from error
    name += recording.source
    if samples.ndim > 1:
        raise InputError(f"{name} has {samples.shape[1]} channels; mix it down to one first")
    if rate is not None and found != rate:
        raise InputError(f"{name} is at {found} Hz and --fs asks for {rate} Hz; resample it or change --fs")
    if samples.dtype == np.int16:
        return Recorded(samples, found, 0, encoding)
    return Recorded(to_int16(samples), found, count_outside(samples), encoding)


def read_cuts(recording: Recording, rate: int | None = None) -> list[tuple[Cut, np.ndarray, int]]:
    """Read the utterances of one recording.

    Args:
        recording: source and utterances.
        rate: the sampling rate (Hz) that it must have; None takes any.

    Returns:
        (cut, samples, rate) for each utterance; samples are int16 of shape (n_samples,).

    Raises:
        InputErrors: as :func:`read_recording`, or the segments outside it.
    """
    return cut_up(recording, read_recording(recording, rate))


def cut_up(recording: Recording, recorded: Recorded) -> list[tuple[Cut, np.ndarray, int]]:
    """Cut the utterances out of a recording; see :func:`read_cuts`."""

    def sliced(cut: Cut) -> tuple[Cut, np.ndarray, int]:
        return cut, _slice(recording, cut, recorded.samples, recorded.rate), recorded.rate

    return list(collect_faults(sliced, recording.cuts))


def write_audio(path: Path, samples: np.ndarray, rate: int) -> None:
    """Write int16 ``samples`` (n_samples,) as 16-bit audio; the suffix of ``path`` says the format."""
    with write_aside(path) as aside:
        soundfile.write(aside, samples, rate, subtype="PCM_16")


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
    seconds = len(samples) / rate
    end = seconds if cut.end == TO_THE_END else cut.end
    inside = 0 <= cut.start < end <= seconds + OVERSHOOT
    if not inside or not (found := samples[round(cut.start * rate) : round(end * rate)]).size:
        raise InputError(
            f"utterance {cut.utterance}: segment {cut.start}–{cut.end} s lies outside {recording.source} "
            f"({seconds:.2f} s) or has no sample; correct segments"
        )
    return found
