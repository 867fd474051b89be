"""Stage 2: copies of a data directory at other speeds, which change tempo and pitch together."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from espnet_gmot.data.audio import (
    ARK_FORMAT,
    RECORDINGS_A_FOLDER,
    Recording,
    read_cuts,
    recordings_of,
    to_int16,
    write_audio,
)
from espnet_gmot.data.kaldi_data import DataDir, check_data_dir, write_data_dir
from espnet_gmot.driver.audio_key import audio_key, audio_times
from espnet_gmot.driver.freshness import Record, is_fresh, tables
from espnet_gmot.driver.parallel import parallel_map
from espnet_gmot.driver.sound_ark import recall_placed, record_placed, write_ark
from espnet_gmot.errors import InputError
from espnet_gmot.files import bytes_missing, require_free_space


@dataclass(frozen=True)
class _Perturb:
    """One recording to write at one speed; ``factor`` is kept as the user wrote it, for the ids."""

    recording: Recording
    factor: str
    folder: Path
    audio_format: str
    since: float


@dataclass(frozen=True)
class _PerturbArk:
    """Recordings to put into the archive of one folder at one speed."""

    recordings: list[Recording]
    factor: str
    folder: Path
    since: float


def perturb_speed(
    source: str | Path, target: str | Path, factors: list[str], audio_format: str, nj: int
) -> int:
    """Make data directory ``target`` with every utterance of ``source`` at each speed.

    Utterance and speaker ids get the prefix ``sp0.9-`` as in Kaldi; speed 1 keeps the plain ids
    and, where there is no ``segments``, the plain entry of wav.scp.

    Args:
        source: data directory.
        target: data directory to make, e.g. ``data/train_sp``.
        factors: speeds as text, e.g. ``["0.9", "1.0", "1.1"]``; 0.9 lasts 1/0.9 as long.
        audio_format: ``wav``, ``flac`` or ``flac.ark``.
        nj: number of processes.

    Returns:
        The number of utterances in ``target``.

    Raises:
        InputError: a senseless factor, an inconsistent directory, bad audio, or too little disk space.
    """
    check_factors(factors)
    data, target = check_data_dir(source), Path(target)
    recordings = recordings_of(data)
    require_free_space(target, bytes_missing(target, _estimate_bytes(recordings, factors)))
    record = speed_record(source, target, factors, audio_format)
    # a new factor leaves the audio of the others
    since = record.begin("wav.scp", "segments", "--audio_format")
    times = audio_times(Path(source) / "wav.scp", target)
    if audio_format == ARK_FORMAT:
        arks = [
            _PerturbArk(
                part, factor, _folder(target, factor, i), max(since, *(times[each.source] for each in part))
            )
            for factor in factors
            for i in range(0, len(recordings), RECORDINGS_A_FOLDER)
            if (part := recordings[i : i + RECORDINGS_A_FOLDER])
        ]
        perturbed = parallel_map(_perturb_ark, arks, nj, f"speed {target.name}", unit="ark", chunk=1)
    else:
        jobs = [
            _Perturb(
                each, factor, _folder(target, factor, index), audio_format, max(since, times[each.source])
            )
            for factor in factors
            for index, each in enumerate(recordings)
        ]
        perturbed = parallel_map(_perturb_recording, jobs, nj, f"speed {target.name}")
    wav_scp = {utterance: entry for part in perturbed for utterance, entry in part}
    _write_target(target, data, factors, wav_scp)
    record.finish()
    return len(wav_scp)


def speed_record(source: str | Path, target: str | Path, factors: list[str], audio_format: str) -> Record:
    """The record of what :func:`perturb_speed` makes ``target`` from."""
    options = {"--speed_perturb_factors": factors, "--audio_format": audio_format}
    return Record(target, **tables(source), **options, **{"the audio": audio_key(Path(source) / "wav.scp")})


def resample_to_speed(samples: np.ndarray, rate: int, factor: float) -> np.ndarray:
    """Play int16 ``samples`` (n,) at ``rate`` Hz ``factor`` times as fast: shape (≈ n / factor,).

    Example:
        >>> resample_to_speed(np.zeros(16000, dtype=np.int16), 16000, 0.8).shape
        (20000,)
    """
    return to_int16(soxr.resample(samples.astype(np.float32) / 32768.0, rate * factor, rate))


def check_factors(factors: list[str]) -> None:
    """Raise an InputError unless the factors are distinct numbers between 0.5 and 2."""
    for factor in factors:
        try:
            sensible = 0.5 <= float(factor) <= 2.0
        except ValueError:
            sensible = False
        if not sensible:
            raise InputError(
                f"speed factor {factor!r} is not a number from 0.5 to 2; write for example 0.9 1.0 1.1"
            )
    if not factors or len({float(factor) for factor in factors}) < len(factors):
        raise InputError("speed factors are missing or repeated; write for example 0.9 1.0 1.1")


def _prefix(factor: str) -> str:
    return "" if float(factor) == 1.0 else f"sp{factor}-"


def _folder(target: Path, factor: str, index: int) -> Path:
    return target / "data" / f"sp{factor}.{index // RECORDINGS_A_FOLDER + 1}"


def _is_kept(recording: Recording, factor: str) -> bool:
    return not _prefix(factor) and recording.cuts[0].start is None


def _sounds(recording: Recording, factor: str) -> Iterator[tuple[str, np.ndarray, int]]:
    """Yield (new utterance id, samples, rate) for each utterance of one recording."""
    prefix = _prefix(factor)
    for cut, samples, rate in read_cuts(recording):
        faster = resample_to_speed(samples, rate, float(factor)) if prefix else samples
        yield prefix + cut.utterance, faster, rate


def _perturb_recording(job: _Perturb) -> list[tuple[str, str]]:
    """Return (new utterance id, audio path or wav.scp entry) for each utterance of one recording."""
    recording = job.recording
    if _is_kept(recording, job.factor):
        return [(recording.cuts[0].utterance, recording.source)]
    names = [_prefix(job.factor) + cut.utterance for cut in recording.cuts]
    paths = {name: job.folder / f"{name}.{job.audio_format}" for name in names}
    if not all(is_fresh(path, job.since, [recording.file]) for path in paths.values()):
        for name, samples, rate in _sounds(recording, job.factor):
            write_audio(paths[name], samples, rate)
    return [(name, str(path)) for name, path in paths.items()]


def _perturb_ark(job: _PerturbArk) -> list[tuple[str, str]]:
    """Do the same for the recordings of one archive."""
    if all(_is_kept(recording, job.factor) for recording in job.recordings):
        return [(recording.cuts[0].utterance, recording.source) for recording in job.recordings]
    placed = recall_placed(job.folder, job.since, (recording.file for recording in job.recordings))
    if placed is None:
        sounds = (sound for recording in job.recordings for sound in _sounds(recording, job.factor))
        placed = write_ark(job.folder / "data_wav.ark", sounds)
        record_placed(job.folder, placed)
    return [(utterance, entry) for utterance, entry, _ in placed]


def _estimate_bytes(recordings: list[Recording], factors: list[str]) -> int:
    files = [Path(recording.source) for recording in recordings if recording.is_file]
    size = sum(path.stat().st_size for path in files if path.is_file())
    return int(sum(size / float(factor) for factor in factors if _prefix(factor)))


def _write_target(target: Path, data: DataDir, factors: list[str], wav_scp: dict[str, str]) -> None:
    prefixes = [_prefix(factor) for factor in factors]
    text = {prefix + utterance: words for prefix in prefixes for utterance, words in data.text.items()}
    utt2spk = {
        prefix + utterance: prefix + speaker
        for prefix in prefixes
        for utterance, speaker in data.utt2spk.items()
    }
    write_data_dir(target, wav_scp, text, utt2spk)
