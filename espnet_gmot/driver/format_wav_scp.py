"""Stage 3: turn a data directory into one whose wav.scp names checked audio, all of one format."""

import os
from itertools import chain
from pathlib import Path

import numpy as np
import soundfile

from espnet_gmot.data.audio import (
    ARK_FORMAT,
    Recorded,
    Recording,
    cut_up,
    read_recording,
    recordings_of,
    write_audio,
)
from espnet_gmot.data.kaldi_data import DataDir, check_data_dir, write_data_dir, write_table
from espnet_gmot.data.kaldi_text import has_other_spaces
from espnet_gmot.data.sound import is_silent
from espnet_gmot.driver.audio_key import audio_key
from espnet_gmot.driver.audio_parts import Job, Part, make_parts, parts_of
from espnet_gmot.driver.freshness import Record, is_fresh, tables, visible_files
from espnet_gmot.driver.parallel import Workers
from espnet_gmot.driver.placed import (
    Placed,
    require_no_source,
    require_other_directory,
    warn_clipped,
    warn_silent,
)
from espnet_gmot.driver.sound_ark import is_flac_in_ark, recall_placed, record_placed, write_ark
from espnet_gmot.errors import collect_faults
from espnet_gmot.files import bytes_missing, require_free_space, write_text


def format_wav_scp(
    source: str | Path,
    target: str | Path,
    audio_format: str,
    rate: int,
    workers: Workers,
    record: Record | None = None,
) -> int:
    """Check every utterance of data directory ``source`` and make data directory ``target``.

    What already is 16-bit single-channel audio in the wanted format is referenced; everything else
    is written under ``target/data/format.N/``: a file an utterance, or with ``flac.ark`` an archive.
    ``target`` also gets utt2num_samples and feats_type.

    Args:
        source: data directory; wav.scp may hold files, commands (``… |``) and archives.
        target: data directory to make, e.g. ``dump/raw/org/train``.
        audio_format: ``wav``, ``flac`` or ``flac.ark``.
        rate: the sampling rate (Hz) that the audio must have.
        workers: who makes the audio.
        record: what :func:`format_record` gave just now, which looks at all audio; None makes it here.

    Returns:
        The number of utterances.

    Raises:
        InputError: an inconsistent directory, bad audio, too little disk space, or a recording that lies
            where an utterance would be written.
    """
    data, target = check_data_dir(source), Path(target)
    require_other_directory(Path(source), target)
    recordings = recordings_of(data)
    require_free_space(target, bytes_missing(target, _estimate_bytes(recordings, audio_format)))
    parts = parts_of(recordings, audio_format, target / "data" / "format")
    job = Job.of(parts, audio_format, rate)
    record = record or format_record(source, target, audio_format, rate)
    since = record.begin("wav.scp", "segments", "--audio_format", "--fs")  # a new transcript leaves the audio
    make = _format_ark if audio_format == ARK_FORMAT else _format_recording
    title = f"format {target.name}"
    placed = make_parts(make, job, parts, since, Path(source) / "wav.scp", target, workers, title)
    warn_clipped(target, placed)
    warn_silent(target, placed)
    _write_target(target, data, placed)
    record.finish()
    return len(data.text)


def format_unless_done(
    source: str | Path, target: str | Path, audio_format: str, rate: int, workers: Workers
) -> int | None:
    """Call :func:`format_wav_scp`, unless ``target`` is still that of the same inputs; the log then says so.

    Returns:
        The number of utterances; None if nothing was done.
    """
    record = format_record(source, target, audio_format, rate)
    if record.is_still_done(*visible_files(source)):
        return None
    return format_wav_scp(source, target, audio_format, rate, workers, record)


def format_record(source: str | Path, target: str | Path, audio_format: str, rate: int) -> Record:
    """The record of what :func:`format_wav_scp` makes ``target`` from."""
    options = {"--audio_format": audio_format, "--fs": rate}
    if has_other_spaces(Path(source) / "text"):  # earlier versions left them in
        options["white space"] = "plain"
    return Record(target, **tables(source), **options, **{"the audio": audio_key(Path(source) / "wav.scp")})


def _format_ark(job: Job, part: Part) -> list[Placed]:
    (ark,) = part.paths(job.audio_format)
    placed = recall_placed(part.folder, part.since, (recording.file for recording in part.recordings))
    if placed is not None:
        return placed
    clipped: dict[str, int] = {}

    def kept(recording: Recording) -> Placed:
        samples = read_recording(recording, job.rate).samples
        return Placed(recording.cuts[0].utterance, recording.source, len(samples), silent=is_silent(samples))

    def sounds(recording: Recording) -> list[tuple[str, np.ndarray, int]]:
        recorded = read_recording(recording, job.rate)
        clipped.update({cut.utterance: recorded.clipped for cut in recording.cuts})
        return [(cut.utterance, samples, rate) for cut, samples, rate in cut_up(recording, recorded)]

    already = [recording for recording in part.recordings if _is_in_ark_already(recording)]
    rest = [recording for recording in part.recordings if not _is_in_ark_already(recording)]
    placed = list(collect_faults(kept, already))
    if rest:
        require_no_source(ark, job.sources)
        written = write_ark(ark, chain.from_iterable(collect_faults(sounds, rest)))
        placed += [each._replace(clipped=clipped[each.utterance]) for each in written]
    record_placed(part.folder, placed)
    return placed


def _is_in_ark_already(recording: Recording) -> bool:
    return recording.cuts[0].start is None and is_flac_in_ark(recording.source)


def _format_recording(job: Job, part: Part) -> list[Placed]:
    (recording,) = part.recordings
    paths = part.paths(job.audio_format)
    if all(path not in job.sources and is_fresh(path, part.since, [recording.file]) for path in paths):
        lengths = [soundfile.info(path).frames for path in paths]
        return [Placed(u, str(path), n) for u, path, n in zip(part.utterances, paths, lengths, strict=True)]
    recorded = read_recording(recording, job.rate)
    if _is_wanted_already(recording, recorded, job.audio_format):
        silent = is_silent(recorded.samples)
        return [Placed(part.utterances[0], recording.source, len(recorded.samples), silent=silent)]
    placed = []
    for (cut, samples, rate), path in zip(cut_up(recording, recorded), paths, strict=True):
        require_no_source(path, job.sources)
        write_audio(path, samples, rate)
        silent = is_silent(samples)
        placed.append(Placed(cut.utterance, str(path), len(samples), recorded.clipped, silent))
    return placed


def _is_wanted_already(recording: Recording, recorded: Recorded, audio_format: str) -> bool:
    return recording.cuts[0].start is None and recorded.encoding == f"{audio_format.upper()} PCM_16"


def _estimate_bytes(recordings: list[Recording], audio_format: str) -> int:
    """Bytes of the files whose format is not the wanted one."""
    files = [r.source for r in recordings if r.is_file and not r.source.endswith(f".{audio_format}")]
    return sum(os.path.getsize(path) for path in files if os.path.isfile(path))


def _write_target(target: Path, data: DataDir, placed: list[Placed]) -> None:
    write_text(target / "feats_type", "raw\n")
    write_table(target / "utt2num_samples", {each.utterance: str(each.length) for each in placed})
    write_data_dir(target, {each.utterance: each.entry for each in placed}, data.text, data.utt2spk)
