"""What stages 2 and 3 have in common: audio made of the recordings of a data directory, part by part."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from espnet_gmot.data.audio import ARK_FORMAT, RECORDINGS_A_FOLDER, Recording
from espnet_gmot.driver.audio_key import audio_times
from espnet_gmot.driver.parallel import CHUNK, Workers, parallel_map
from espnet_gmot.driver.placed import Placed, sources_among
from espnet_gmot.files import file_name


@dataclass(frozen=True, slots=True)  # there is one an utterance
class Part:
    """Recordings to put at one speed into one folder: into its archive, or, one at a time, into files.

    Attributes:
        recordings: of the data directory.
        folder: where the audio goes.
        factor: the speed as the user wrote it, for the ids.
        since: what was written there later is of these recordings, by this run or one that it goes on with.
    """

    recordings: Sequence[Recording]
    folder: Path
    factor: str = "1.0"
    since: float = math.inf

    @property
    def utterances(self) -> list[str]:
        """The ids, with the prefix of the speed."""
        prefix = speed_prefix(self.factor)
        return [prefix + cut.utterance for recording in self.recordings for cut in recording.cuts]

    def paths(self, audio_format: str) -> list[Path]:
        """The audio files to write."""
        if audio_format == ARK_FORMAT:
            return [self.folder / "data_wav.ark"]
        return [self.folder / file_name(utterance, f".{audio_format}") for utterance in self.utterances]


@dataclass(frozen=True)
class Job:
    """What all parts of one run have in common.

    Attributes:
        audio_format: the format to write.
        sources: recordings that lie where an utterance would be written.
        rate: the sampling rate (Hz) that recordings must have; None takes any.
    """

    audio_format: str
    sources: frozenset[Path]
    rate: int | None = None

    @classmethod
    def of(cls, parts: Sequence[Part], audio_format: str, rate: int | None = None) -> "Job":
        """See where the recordings of these parts lie."""
        paths = (path for part in parts for path in part.paths(audio_format))
        recordings = (recording for part in parts for recording in part.recordings)
        return cls(audio_format, sources_among(paths, recordings), rate)


def speed_prefix(factor: str) -> str:
    """What stands before the ids of utterances at another speed.

    Example:
        >>> speed_prefix("0.9"), speed_prefix("1.0")
        ('sp0.9-', '')
    """
    return "" if float(factor) == 1.0 else f"sp{factor}-"


def parts_of(
    recordings: Sequence[Recording], audio_format: str, folder: Path, factor: str = "1.0"
) -> list[Part]:
    """Divide recordings into parts, whose folders are ``FOLDER.1``, ``FOLDER.2``, ..."""
    size = RECORDINGS_A_FOLDER if audio_format == ARK_FORMAT else 1
    count = math.ceil(len(recordings) / RECORDINGS_A_FOLDER)
    folders = [folder.with_name(f"{folder.name}.{number + 1}") for number in range(count)]
    return [
        Part(recordings[i : i + size], folders[i // RECORDINGS_A_FOLDER], factor)
        for i in range(0, len(recordings), size)
    ]


def make_parts(
    make: Callable[[Job, Part], list[Placed]],
    job: Job,
    parts: Sequence[Part],
    since: float,
    wav_scp: Path,
    target: Path,
    workers: Workers,
    title: str,
) -> list[Placed]:
    """Make the audio of all parts.

    Args:
        make: makes that of one part, or finds it made.
        job: what they have in common.
        parts: from :func:`parts_of`.
        since: what was written later stems from the same inputs.
        wav_scp: the table that names the recordings.
        target: the directory that is made.
        workers: who makes it.
        title: of the progress bar.

    Raises:
        InputErrors: the faults of all recordings.
    """
    times = audio_times(wav_scp, target)
    parts = [
        replace(part, since=max(since, *(times[each.source] for each in part.recordings))) for part in parts
    ]
    count = len({recording.cuts[0] for part in parts for recording in part.recordings})
    in_arks = job.audio_format == ARK_FORMAT
    made = parallel_map(
        partial(make, job),
        parts,
        workers,
        title,
        among=f"{count} recordings",
        unit="ark" if in_arks else "utt",
        chunk=1 if in_arks else CHUNK,
    )
    return [placed for part in made for placed in part]
