"""Stage 3: turn a data directory into one whose wav.scp names checked audio, all of one format."""

import os
from dataclasses import dataclass
from pathlib import Path

import soundfile

from espnet_gmot.data.audio import (
    ARK_FORMAT,
    RECORDINGS_A_FOLDER,
    Recording,
    read_cuts,
    recordings_of,
    write_audio,
)
from espnet_gmot.data.kaldi_data import DataDir, check_data_dir, write_data_dir, write_table
from espnet_gmot.driver.audio_key import audio_key, audio_times
from espnet_gmot.driver.freshness import Record, is_fresh, tables
from espnet_gmot.driver.parallel import parallel_map
from espnet_gmot.driver.sound_ark import Placed, is_flac_in_ark, recall_placed, record_placed, write_ark
from espnet_gmot.files import bytes_missing, require_free_space


@dataclass(frozen=True)
class _Format:
    """One recording to format, with the folder for its files and the format wanted."""

    recording: Recording
    folder: Path
    audio_format: str
    rate: int
    since: float


@dataclass(frozen=True)
class _FormatArk:
    """Recordings to put into the archive of one folder."""

    recordings: list[Recording]
    folder: Path
    rate: int
    since: float


def format_wav_scp(source: str | Path, target: str | Path, audio_format: str, rate: int, nj: int) -> int:
    """Check every utterance of data directory ``source`` and make data directory ``target``.

    What already is 16-bit single-channel audio in the wanted format is referenced; everything else
    is written under ``target/data/format.N/``: a file an utterance, or with ``flac.ark`` an archive.
    ``target`` also gets utt2num_samples and feats_type.

    Args:
        source: data directory; wav.scp may hold files, commands (``… |``) and archives.
        target: data directory to make, e.g. ``dump/raw/org/train``.
        audio_format: ``wav``, ``flac`` or ``flac.ark``.
        rate: the sampling rate (Hz) that the audio must have.
        nj: number of processes.

    Returns:
        The number of utterances.

    Raises:
        InputError: an inconsistent directory, bad audio, or too little disk space.
    """
    data, target = check_data_dir(source), Path(target)
    recordings = recordings_of(data)
    require_free_space(target, bytes_missing(target, _estimate_bytes(recordings, audio_format)))
    record = format_record(source, target, audio_format, rate)
    since = record.begin("wav.scp", "segments", "--audio_format", "--fs")  # a new transcript leaves the audio
    times = audio_times(Path(source) / "wav.scp", target)
    if audio_format == ARK_FORMAT:
        arks = [
            _FormatArk(part, _folder(target, i), rate, max(since, *(times[each.source] for each in part)))
            for i in range(0, len(recordings), RECORDINGS_A_FOLDER)
            if (part := recordings[i : i + RECORDINGS_A_FOLDER])
        ]
        formatted = parallel_map(_format_ark, arks, nj, f"format {target.name}", unit="ark", chunk=1)
    else:
        jobs = [
            _Format(each, _folder(target, index), audio_format, rate, max(since, times[each.source]))
            for index, each in enumerate(recordings)
        ]
        formatted = parallel_map(_format_recording, jobs, nj, f"format {target.name}")
    _write_target(target, data, [utterance for part in formatted for utterance in part])
    record.finish()
    return len(data.text)


def format_record(source: str | Path, target: str | Path, audio_format: str, rate: int) -> Record:
    """The record of what :func:`format_wav_scp` makes ``target`` from."""
    options = {"--audio_format": audio_format, "--fs": rate}
    return Record(target, **tables(source), **options, **{"the audio": audio_key(Path(source) / "wav.scp")})


def _folder(target: Path, index: int) -> Path:
    return target / "data" / f"format.{index // RECORDINGS_A_FOLDER + 1}"


def _format_ark(job: _FormatArk) -> list[Placed]:
    placed = recall_placed(job.folder, job.since, (recording.file for recording in job.recordings))
    if placed is None:
        kept = [recording for recording in job.recordings if _is_in_ark_already(recording)]
        rest = [recording for recording in job.recordings if not _is_in_ark_already(recording)]
        placed = [(r.cuts[0].utterance, r.source, len(read_cuts(r, job.rate)[0][1])) for r in kept]
        if rest:
            sounds = (
                (cut.utterance, samples, rate) for r in rest for cut, samples, rate in read_cuts(r, job.rate)
            )
            placed += write_ark(job.folder / "data_wav.ark", sounds)
        record_placed(job.folder, placed)
    return placed


def _is_in_ark_already(recording: Recording) -> bool:
    return recording.cuts[0].start is None and is_flac_in_ark(recording.source)


def _format_recording(job: _Format) -> list[Placed]:
    recording = job.recording
    paths = [job.folder / f"{cut.utterance}.{job.audio_format}" for cut in recording.cuts]
    if all(is_fresh(path, job.since, [recording.file]) for path in paths):
        lengths = [soundfile.info(path).frames for path in paths]
        return [(cut.utterance, str(p), n) for cut, p, n in zip(recording.cuts, paths, lengths, strict=True)]
    cuts = read_cuts(recording, job.rate)
    if _is_wanted_already(recording, job.audio_format):
        (cut, samples, _) = cuts[0]
        return [(cut.utterance, recording.source, len(samples))]
    for (_, samples, rate), path in zip(cuts, paths, strict=True):
        write_audio(path, samples, rate)
    return [(cut.utterance, str(p), len(samples)) for (cut, samples, _), p in zip(cuts, paths, strict=True)]


def _is_wanted_already(recording: Recording, audio_format: str) -> bool:
    if not recording.is_file or recording.cuts[0].start is not None:
        return False
    info = soundfile.info(recording.source)
    return (info.format, info.subtype) == (audio_format.upper(), "PCM_16")


def _estimate_bytes(recordings: list[Recording], audio_format: str) -> int:
    """Bytes of the files whose format is not the wanted one."""
    files = [r.source for r in recordings if r.is_file and not r.source.endswith(f".{audio_format}")]
    return sum(os.path.getsize(path) for path in files if os.path.isfile(path))


def _write_target(target: Path, data: DataDir, formatted: list[Placed]) -> None:
    (target / "feats_type").write_text("raw\n", encoding="utf-8")
    write_table(target / "utt2num_samples", {utterance: str(length) for utterance, _, length in formatted})
    write_data_dir(target, {utterance: entry for utterance, entry, _ in formatted}, data.text, data.utt2spk)
