"""Stage 2: copies of a data directory at other speeds, which change tempo and pitch together."""

from collections import Counter
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import soxr

from espnet_gmot.data.audio import (
    ARK_FORMAT,
    Recording,
    cut_up,
    read_recording,
    recordings_of,
    write_audio,
)
from espnet_gmot.data.kaldi_data import DataDir, check_data_dir, write_data_dir
from espnet_gmot.data.kaldi_text import first_names
from espnet_gmot.data.sound import to_float32, to_int16
from espnet_gmot.driver.audio_key import audio_key
from espnet_gmot.driver.audio_parts import Job, Part, make_parts, parts_of, speed_prefix
from espnet_gmot.driver.freshness import Record, is_fresh, tables, visible_files
from espnet_gmot.driver.parallel import Workers
from espnet_gmot.driver.placed import (
    Placed,
    require_no_source,
    require_other_directory,
    warn_clipped,
)
from espnet_gmot.driver.sound_ark import recall_placed, record_placed, write_ark
from espnet_gmot.errors import InputError, collect_faults
from espnet_gmot.files import bytes_missing, require_free_space


def perturb_speed(
    source: str | Path,
    target: str | Path,
    factors: list[str],
    audio_format: str,
    workers: Workers,
    record: Record | None = None,
) -> int:
    """Make data directory ``target`` with every utterance of ``source`` at each speed.

    Utterance and speaker ids get the prefix ``sp0.9-`` as in Kaldi; speed 1 keeps the plain ids
    and, where there is no ``segments``, the plain entry of wav.scp.

    Args:
        source: data directory.
        target: data directory to make, e.g. ``data/train_sp``.
        factors: speeds as text, e.g. ``["0.9", "1.0", "1.1"]``; 0.9 lasts 1/0.9 as long.
        audio_format: ``wav``, ``flac`` or ``flac.ark``.
        workers: who makes the audio.
        record: what :func:`speed_record` gave just now, which looks at all audio; None makes it here.

    Returns:
        The number of utterances in ``target``.

    Raises:
        InputError: a senseless factor, an inconsistent directory, bad audio, too little disk space, or ids
            that have the prefix already and would come twice.
    """
    check_factors(factors)
    data, target = check_data_dir(source), Path(target)
    require_other_directory(Path(source), target)
    _require_new_ids(data, factors)
    recordings = recordings_of(data)
    require_free_space(target, bytes_missing(target, _estimate_bytes(recordings, factors)))
    parts = [
        part
        for factor in factors
        for part in parts_of(recordings, audio_format, target / "data" / f"sp{factor}", factor)
    ]
    job = Job.of(parts, audio_format)
    record = record or speed_record(source, target, factors, audio_format)
    since = record.begin("wav.scp", "segments", "--audio_format")  # a new factor leaves the others' audio
    make = _perturb_ark if audio_format == ARK_FORMAT else _perturb_recording
    title = f"speed {target.name}"
    placed = make_parts(make, job, parts, since, Path(source) / "wav.scp", target, workers, title)
    warn_clipped(target, placed)
    _write_target(target, data, factors, {each.utterance: each.entry for each in placed})
    record.finish()
    return len(placed)


def perturb_unless_done(
    source: str | Path, target: str | Path, factors: list[str], audio_format: str, workers: Workers
) -> int | None:
    """Call :func:`perturb_speed`, unless ``target`` is still that of the same inputs; the log then says so.

    Returns:
        The number of utterances; None if nothing was done.
    """
    record = speed_record(source, target, factors, audio_format)
    if record.is_still_done(*visible_files(source)):
        return None
    return perturb_speed(source, target, factors, audio_format, workers, record)


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
    return to_int16(soxr.resample(to_float32(samples), rate * factor, rate))


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


def _require_new_ids(data: DataDir, factors: list[str]) -> None:
    """Refuse a set in which ``sp0.9-u1`` would be both an utterance and ``u1`` at another speed."""
    made = Counter(speed_prefix(factor) + utterance for factor in factors for utterance in data.text)
    if twice := [utterance for utterance, count in made.items() if count > 1]:
        raise InputError(
            f"{data.path}: with --speed_perturb_factors {' '.join(factors)} {len(twice)} ids would come "
            f"twice ({first_names(twice)}): they stand for other speeds already; name the set without these"
        )


def _kept(part: Part) -> list[Placed] | None:
    """What stays as it is: whole recordings at speed 1. Stage 3 reads and counts them."""
    if speed_prefix(part.factor) or any(recording.cuts[0].start is not None for recording in part.recordings):
        return None
    return [Placed(recording.cuts[0].utterance, recording.source, 0) for recording in part.recordings]


def _sounds(recording: Recording, factor: str, clipped: dict[str, int]) -> list[tuple[str, np.ndarray, int]]:
    """Give (new utterance id, samples, rate) for each utterance of one recording, and what was clipped."""
    prefix, recorded = speed_prefix(factor), read_recording(recording)
    sounds = []
    for cut, samples, rate in cut_up(recording, recorded):
        faster = resample_to_speed(samples, rate, float(factor)) if prefix else samples
        sounds.append((prefix + cut.utterance, faster, rate))
        clipped[prefix + cut.utterance] = recorded.clipped
    return sounds


def _perturb_recording(job: Job, part: Part) -> list[Placed]:
    if kept := _kept(part):
        return kept
    (recording,), paths = part.recordings, part.paths(job.audio_format)
    clipped: dict[str, int] = {}
    if not all(path not in job.sources and is_fresh(path, part.since, [recording.file]) for path in paths):
        for (_, samples, rate), path in zip(_sounds(recording, part.factor, clipped), paths, strict=True):
            require_no_source(path, job.sources)
            write_audio(path, samples, rate)
    return [
        Placed(u, str(path), 0, clipped.get(u, 0)) for u, path in zip(part.utterances, paths, strict=True)
    ]


def _perturb_ark(job: Job, part: Part) -> list[Placed]:
    if kept := _kept(part):
        return kept
    (ark,) = part.paths(job.audio_format)
    placed = recall_placed(part.folder, part.since, (recording.file for recording in part.recordings))
    if placed is None:
        require_no_source(ark, job.sources)
        clipped: dict[str, int] = {}
        read = partial(_sounds, factor=part.factor, clipped=clipped)
        placed = write_ark(ark, chain.from_iterable(collect_faults(read, part.recordings)))
        record_placed(part.folder, placed)
        placed = [each._replace(clipped=clipped[each.utterance]) for each in placed]
    return placed


def _estimate_bytes(recordings: list[Recording], factors: list[str]) -> int:
    files = [Path(recording.source) for recording in recordings if recording.is_file]
    size = sum(path.stat().st_size for path in files if path.is_file())
    return int(sum(size / float(factor) for factor in factors if speed_prefix(factor)))


def _write_target(target: Path, data: DataDir, factors: list[str], wav_scp: dict[str, str]) -> None:
    prefixes = [speed_prefix(factor) for factor in factors]
    text = {prefix + utterance: words for prefix in prefixes for utterance, words in data.text.items()}
    utt2spk = {
        prefix + utterance: prefix + speaker
        for prefix in prefixes
        for utterance, speaker in data.utt2spk.items()
    }
    write_data_dir(target, wav_scp, text, utt2spk)
