"""What is known of a decoding besides its hypotheses; our decoder writes it as ``decoding.json``."""

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from espnet_gmot.errors import InputError
from espnet_gmot.files import write_text

NAME = "decoding.json"
COPYING_SECONDS = 10.0
GREEDY = "espnet_gmot.bin.asr_ctc_greedy"


@dataclass(frozen=True)
class DecodingFacts:
    """How a set was decoded, and how long that took. None stands for what is not known.

    Args:
        decoder: module of the command that decoded.
        command: its command line; of several jobs, that of the first.
        devices: what decoded, ``cpu`` or the name of a GPU, each once.
        utterances: how many were decoded.
        samples: length of all their audio.
        sampling_rate: of the audio, in Hz.
        seconds: time that the decoding took, without start-up; jobs that ran side by side are added up.

    Example:
        >>> facts = DecodingFacts(GREEDY, "python3", ["cpu"], 2, 48000, sampling_rate=16000, seconds=1.5)
        >>> facts.rtf, merge_facts([facts, facts]).utterances
        (0.5, 4)
    """

    decoder: str | None
    command: str | None
    devices: Sequence[str]
    utterances: int
    samples: int | None
    sampling_rate: int | None
    seconds: float | None

    @property
    def ctc_alone(self) -> bool:
        """Whether the decoder runs the encoder and CTC and nothing else."""
        return self.decoder == GREEDY

    @property
    def rtf(self) -> float | None:
        """Real-time factor: seconds of one process for a second of audio, None if a part is not known."""
        if self.seconds is None or not self.samples or not self.sampling_rate:
            return None
        return self.seconds / (self.samples / self.sampling_rate)


def merge_facts(jobs: Sequence[DecodingFacts]) -> DecodingFacts:
    """Add up the jobs of one decoding; what one of them does not know, or knows otherwise, is not known."""
    return DecodingFacts(
        common(job.decoder for job in jobs),
        jobs[0].command,
        sorted({device for job in jobs for device in job.devices}),
        sum(job.utterances for job in jobs),
        known_sum(job.samples for job in jobs),
        common(job.sampling_rate for job in jobs),
        known_sum(job.seconds for job in jobs),
    )


def write_facts(directory: str | Path, facts: DecodingFacts, text: str | Path) -> None:
    """Write ``decoding.json`` into a directory, with a checksum of the hypotheses it speaks of.

    Args:
        directory: of the decoding.
        facts: what to write.
        text: the file of the hypotheses, written before.
    """
    record = asdict(facts) | {"text_sha256": checksum(text)}
    write_text(Path(directory) / NAME, json.dumps(record, ensure_ascii=False, indent=1) + "\n")


def read_facts(directory: str | Path, text: str | Path) -> DecodingFacts | None:
    """Read ``decoding.json`` of a directory.

    Args:
        directory: of the decoding.
        text: the file of the hypotheses.

    Returns:
        The facts; None if there are none, or if they speak of other hypotheses than ``text``, which a later
        decoder may have written: then a warning says so.

    Raises:
        InputError: the file is damaged.
    """
    path = Path(directory) / NAME
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        known = record.pop("text_sha256")
        facts = DecodingFacts(**record)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"{path} is damaged ({error!r}); remove it, or decode again with stage 12"
        ) from error
    if not Path(text).is_file() or known != checksum(text) or _was_written_after(text, path):
        logging.warning("%s speaks of other hypotheses than those in %s and is passed over", path, text)
        return None
    return facts


def _was_written_after(text: str | Path, facts: Path) -> bool:
    """Whether another decoder has written the same hypotheses since; copying a directory takes a while."""
    return Path(text).stat().st_mtime > facts.stat().st_mtime + COPYING_SECONDS


def common(values: Iterable[Any]) -> Any:
    """The value that all share, None if they differ."""
    different = set(values)
    return different.pop() if len(different) == 1 else None


def known_sum(values: Iterable[float | None]) -> Any:
    """The sum, None if one of the values is not known."""
    found = list(values)
    return None if None in found else sum(found)


def checksum(path: str | Path) -> str:
    """SHA-256 of a file, which tells hypotheses from others."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
