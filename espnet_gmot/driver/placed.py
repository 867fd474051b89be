"""Where stages 2 and 3 have put the audio of an utterance, and where they must not put it."""

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from espnet_gmot.data.audio import Recording
from espnet_gmot.data.kaldi_text import first_names
from espnet_gmot.errors import InputError


class Placed(NamedTuple):
    """The audio of one utterance.

    Attributes:
        utterance: its id.
        entry: what wav.scp says of it.
        length: number of samples.
        clipped: how many samples of its recording were outside [-1, 1]; 0 if an earlier run wrote it.
        silent: whether its samples are all the same; False if an earlier run wrote it.
    """

    utterance: str
    entry: str
    length: int
    clipped: int = 0
    silent: bool = False


def warn_clipped(target: Path, placed: Iterable[Placed]) -> None:
    """Say in one warning for the directory which utterances were clipped."""
    clipped = {each.utterance: each.clipped for each in placed if each.clipped}
    if clipped:
        logging.warning(
            "%s: %d utterances had samples outside [-1, 1], %d in all, which were clipped (%s)",
            target, len(clipped), sum(clipped.values()), first_names(list(clipped)),
        )  # fmt: skip


def warn_silent(target: Path, placed: Iterable[Placed]) -> None:
    """Say in one warning for the directory in which utterances nothing is to be heard."""
    if silent := [each.utterance for each in placed if each.silent]:
        logging.warning(
            "%s: %d utterances are silent: all their samples are the same (%s); make their recordings again "
            "or take them out",
            target, len(silent), first_names(silent),
        )  # fmt: skip


def sources_among(paths: Iterable[Path], recordings: Iterable[Recording]) -> frozenset[Path]:
    """Those of the paths to write on which a recording lies, be it by way of links."""
    there = {path: _identity(path) for path in paths if path.exists()}
    if not there:
        return frozenset()
    files = (recording.file for recording in recordings)
    sources = {_identity(file) for file in files if file is not None and os.path.exists(file)}
    return frozenset(path for path, identity in there.items() if identity in sources)


def require_no_source(path: Path, sources: frozenset[Path]) -> None:
    """Raise an InputError if ``path`` is one of :func:`sources_among`."""
    if path in sources:
        raise InputError(
            f"{path} is named in wav.scp and would be overwritten; let wav.scp name a copy elsewhere"
        )


def require_other_directory(source: Path, target: Path) -> None:
    """Raise an InputError if a data directory would be written onto itself."""
    if source.resolve() == target.resolve():
        raise InputError(
            f"{target} is {source} itself and would be overwritten; remove the link between them"
        )


def _identity(path: str | Path) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino
