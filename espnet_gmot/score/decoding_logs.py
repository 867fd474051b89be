"""What the logs tell of a decoding: for ESPnet's decoder there is nothing else."""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from espnet_gmot.data.decoding_facts import GREEDY, DecodingFacts
from espnet_gmot.score.job_log import job_command

DECODERS = (GREEDY, "asr_inference")
# As in "2025-01-01 00:00:00,000 (asr_inference:522) INFO: speech length: 48000", maybe behind a progress bar.
STAMPED = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) \(\w+:\d+\) [A-Z]+: (?:speech length: (\d+)$)?", re.MULTILINE
)


def decoding_logs(set_dir: Path) -> list[Path]:
    """The logs that stage 12 leaves in the directory of a decoded set, one a job."""
    return sorted((set_dir / "logdir").glob("asr_inference.*.log"))


def facts_of_logs(logs: Sequence[Path], utterances: int) -> DecodingFacts | None:
    """Read the decoder from the command at the head of a log, and its speed from the times of the lines.

        seconds = Σ_jobs (time of the last line − time of the first utterance)

    ``espnet2.bin.asr_inference`` logs ``speech length: SAMPLES`` when it begins with an utterance, and a
    line with the time when it has done. Imports and loading the model come before the first; reading the
    audio, features, network and search lie between. Our decoder logs the lengths too, for decodings without
    its file of facts, as earlier versions left them.

    Args:
        logs: one a job.
        utterances: how many were decoded.

    Returns:
        The facts, or None without logs. Time and length of the audio are not known where the logs do not
        show each utterance once (of another decoding, or of a decoder that does not log so).
    """
    if not logs:
        return None
    seconds, samples = 0.0, []
    for log in logs:
        # Reading as text also makes a line of each state of a progress bar.
        stamps = STAMPED.findall(log.read_text(encoding="utf-8", errors="replace"))
        begun = [time for time, length in stamps if length]
        if begun:
            seconds += (_time(stamps[-1][0]) - _time(begun[0])).total_seconds()
        samples += [int(length) for _, length in stamps if length]
    command, complete = job_command(logs[0]), len(samples) == utterances
    return DecodingFacts(
        decoder=next((name for name in DECODERS if name in (command or "")), None),
        command=command,
        devices=(),
        utterances=utterances,
        samples=sum(samples) if complete else None,
        sampling_rate=None,
        seconds=seconds if complete else None,
    )


def _time(stamp: str) -> datetime:
    return datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S,%f")
