"""From a sentence to a wav file, the same one whatever was made before or beside it."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from tqdm import tqdm

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_free_space, write_aside, write_text
from mini_mandarin import espeak
from mini_mandarin.presets import Preset

SAMPLE_RATE = 16000
_BYTES_A_CHARACTER = 16000  # half a second, silence included
_PEAK = 0.9
_FADE = espeak.RATE_HZ // 200  # samples, 5 ms


@dataclass(frozen=True)
class Utterance:
    """A sentence, its syllables and the voice that speaks it."""

    id: str
    voice: str
    sentence: str
    pinyin: tuple[str, ...]


@dataclass(frozen=True)
class _Job:
    utterance: Utterance
    preset: Preset
    seed: int
    wav: Path


def make_wavs(
    utterances: Sequence[Utterance], directory: Path, preset: Preset, seed: int, nj: int
) -> dict[str, Path]:
    """Write ``<id>.wav`` and its character times ``<id>.ctm`` for each utterance; keep what is there.

    Args:
        utterances: what to speak.
        directory: where the files go.
        preset: ranges of rate, pitch, level, noise and silence.
        seed: every draw depends on it and on the utterance's id only.
        nj: number of processes.

    Returns:
        utterance id to wav.

    Raises:
        InputError: ``nj`` below 1, an unknown voice, or too little disk.
    """
    if nj < 1:
        raise InputError(f"--nj is {nj}; give at least 1")
    espeak.require_voices(tuple(sorted({utterance.voice for utterance in utterances})))
    wavs = {utterance.id: directory / f"{utterance.id}.wav" for utterance in utterances}
    jobs = [
        _Job(utterance, preset, seed, wavs[utterance.id])
        for utterance in utterances
        if not (wavs[utterance.id].exists() and times_path(wavs[utterance.id]).exists())
    ]
    require_free_space(directory, sum(len(job.utterance.sentence) for job in jobs) * _BYTES_A_CHARACTER)
    description = f"speech {directory.name}"
    with tqdm(total=len(wavs), initial=len(wavs) - len(jobs), desc=description, unit="utt") as progress:
        if jobs:
            _run(jobs, nj, progress)
    return wavs


def times_path(wav: Path) -> Path:
    """Return the path of the character times that belong to ``wav``."""
    return wav.with_suffix(".ctm")


def _run(jobs: list[_Job], nj: int, progress: tqdm) -> None:
    """Speak each job in a fresh process, because eSpeak NG's state outlives an utterance.

    No lock or queue is shared with the processes: whichever a signal ends, nothing here waits for it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    _start_forkserver()
    waiting = iter(jobs)
    running: dict[Any, tuple[BaseProcess, _Job]] = {}  # by the sentinel of the process
    try:
        while True:
            for job in islice(waiting, nj - len(running)):
                process = context.Process(target=_make_wav, args=(job,))
                process.start()
                running[process.sentinel] = (process, job)
            if not running:
                return
            for sentinel in wait(running):
                _finish(*running.pop(sentinel))
                progress.update()
    finally:
        for unfinished, _ in running.values():
            unfinished.join()


def _finish(process: BaseProcess, job: _Job) -> None:
    process.join()
    if process.exitcode != 0:
        raise InputError(
            f"{job.utterance.id}: synthesis ended with status {process.exitcode}; run the same command again"
        )


def _start_forkserver() -> None:
    """Start the fork server, once in this process.

    It and all that it forks ignore Ctrl-C from their first moment: the parent alone answers it. It finds what
    it preloads by its environment, because Python before 3.12.8 and 3.13.1 hands it a path that it does not
    use (cpython#117378). What it does not find it passes over in silence, and each utterance would then
    import numpy anew.
    """
    answer = signal.signal(signal.SIGINT, signal.SIG_IGN)
    path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, answer)
        del os.environ["PYTHONPATH"]
        if path is not None:
            os.environ["PYTHONPATH"] = path


def _make_wav(job: _Job) -> None:
    samples, times = render(job.utterance, job.preset, job.seed)
    lines = [
        f"{job.utterance.id} 1 {start:.3f} {end - start:.3f} {char}\n"
        for char, (start, end) in zip(job.utterance.sentence, times, strict=True)
    ]
    write_text(times_path(job.wav), "".join(lines))
    with write_aside(job.wav) as aside:  # last: a wav stands for a finished utterance
        soundfile.write(aside, samples, SAMPLE_RATE, subtype="PCM_16")


def render(utterance: Utterance, preset: Preset, seed: int) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Speak an utterance with rate, pitch, silence, pauses, level and noise drawn for its id.

    Returns:
        samples (n,) at 16 kHz within ±1, and the seconds at which each character starts and ends.
    """
    rng = np.random.default_rng([seed, *utterance.id.encode()])
    rate = int(rng.integers(*preset.rate, endpoint=True))
    pitch = int(rng.integers(*preset.pitch, endpoint=True))
    before, after = (round(second * SAMPLE_RATE) for second in rng.uniform(*preset.silence, size=2))
    spoken, starts = espeak.synthesise(utterance.pinyin, utterance.voice, rate, pitch)
    first, last = _voiced_range(spoken)
    edges = [*(max(start - first, 0) for start in starts), last - first]
    pauses = _draw_pauses(len(starts) - 1, preset, rng)
    voiced, spans = _pause(spoken[first:last] / 32768.0, edges, pauses)
    speech = soxr.resample(voiced, espeak.RATE_HZ, SAMPLE_RATE)
    rms = np.sqrt(np.sum(speech**2) / (len(speech) * (last - first) / len(voiced)))
    gain = min(10 ** (rng.uniform(*preset.level) / 20) / rms, _PEAK / np.abs(speech).max())
    samples = gain * np.pad(speech, (before, after))
    noise_rms = gain * rms * 10 ** (-rng.uniform(*preset.snr) / 20)
    samples += noise_rms * rng.standard_normal(len(samples))
    return samples, [
        (before / SAMPLE_RATE + start / espeak.RATE_HZ, before / SAMPLE_RATE + end / espeak.RATE_HZ)
        for start, end in spans
    ]


def _draw_pauses(gaps: int, preset: Preset, rng: np.random.Generator) -> list[int]:
    """Draw the samples of silence in each gap between two characters; 0 where none is."""
    if preset.pauses == 0.0:
        return [0] * gaps
    seconds = np.where(rng.random(gaps) < preset.pauses, rng.uniform(*preset.pause, size=gaps), 0.0)
    return [round(second * espeak.RATE_HZ) for second in seconds]


def _pause(
    samples: np.ndarray, edges: Sequence[int], pauses: Sequence[int]
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Put silence between characters, and give the samples at which each of them starts and ends.

    Args:
        samples: (n,), speech without pauses.
        edges: where each character starts, closed by the end of the last one.
        pauses: samples of silence in each gap.
    """
    ramp = np.linspace(0.0, 1.0, _FADE)  # a step would click
    for edge, pause in zip(edges[1:-1], pauses, strict=True):
        if pause:
            before, after = samples[max(edge - _FADE, 0) : edge], samples[edge : edge + _FADE]
            before *= ramp[: len(before)][::-1]
            after *= ramp[: len(after)]
    paused = np.insert(samples, np.repeat(edges[1:-1], pauses), 0.0)
    shifts = np.cumsum([0, *pauses])
    spans = [
        (start + shift, end + shift) for (start, end), shift in zip(pairwise(edges), shifts, strict=True)
    ]
    return paused, [(int(start), int(end)) for start, end in spans]


def _voiced_range(samples: np.ndarray) -> tuple[int, int]:
    """Return the first sample and the one after the last that exceed a hundredth of the peak."""
    level = np.abs(samples.astype(np.int32))  # int16 has no absolute value of -32768
    loud = np.flatnonzero(level > level.max() / 100)
    return int(loud[0]), int(loud[-1]) + 1
