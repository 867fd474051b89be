"""How long decoding took, from the logs of its jobs."""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import humanfriendly
import yaml

# As in "2025-01-01 00:00:00,000 (asr_inference:522) INFO: speech length: 48000", maybe behind a progress bar.
STAMPED = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) \(\w+:\d+\) [A-Z]+: (?:speech length: (\d+)$)?", re.MULTILINE
)


def decoding_logs(set_dir: Path) -> list[Path]:
    """The logs that stage 12 leaves in the directory of a decoded set, one a job."""
    return sorted((set_dir / "logdir").glob("asr_inference.*.log"))


def real_time_factor(logs: Sequence[Path], utterances: int, sampling_rate: int | None) -> float | None:
    """Seconds that a decoding process takes for one second of audio.

        RTF = Σ_jobs (time of the last line − time of the first utterance) / Σ_utterances samples / rate

    Both ``espnet2.bin.asr_inference`` and ``espnet_gmot.bin.asr_ctc_greedy`` log ``speech length:
    SAMPLES`` when they begin with an utterance, and a line with the time when they have done. Imports
    and loading the model come before the first; reading the audio, features, network and search
    lie between. Jobs that ran side by side are added up.

    Args:
        logs: one a job.
        utterances: how many were decoded.
        sampling_rate: of the model's input in Hz; None if unknown.

    Returns:
        The factor, or None without a sampling rate and where the logs do not show each utterance once
        (gone, of another decoding, or of a decoder that does not log so).
    """
    seconds, samples = 0.0, []
    for log in logs:
        # Reading as text also makes a line of each state of a progress bar.
        stamps = STAMPED.findall(log.read_text(encoding="utf-8", errors="replace"))
        begun = [time for time, length in stamps if length]
        if begun:
            seconds += (_time(stamps[-1][0]) - _time(begun[0])).total_seconds()
        samples += [int(length) for _, length in stamps if length]
    if sampling_rate is None or len(samples) != utterances:
        return None
    return seconds / (sum(samples) / sampling_rate)


def sampling_rate(experiment: Path) -> int | None:
    """The rate of the model's input in Hz from ``config.yaml``; None without one."""
    config = experiment / "config.yaml"
    if not config.is_file():
        return None
    rate = (yaml.safe_load(config.read_bytes()).get("frontend_conf") or {}).get("fs")
    return None if rate is None else humanfriendly.parse_size(str(rate))  # as ESPnet reads it


def _time(stamp: str) -> datetime:
    return datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S,%f")
