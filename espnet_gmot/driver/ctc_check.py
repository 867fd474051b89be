"""Before a training: the utterances whose labels CTC cannot place in the encoder's frames.

CTC's loss of such an utterance is infinite, and ESPnet turns it into zero without a word. A few come of fast
speech and a coarse encoder; many mean that audio and text do not belong together.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from espnet_gmot.data.kaldi_data import write_table
from espnet_gmot.data.kaldi_text import first_names, read_table
from espnet_gmot.driver.freshness import Record, content
from espnet_gmot.driver.lines import join_lines
from espnet_gmot.errors import MOST_NAMED, InputError

FEW = 0.01  # share of a set that --ctc_impossible auto leaves out; no paper says how many are normal
TABLE = "impossible"  # utterance, its frames, the frames needed


class Impossible(NamedTuple):
    """An utterance with fewer encoder frames than CTC needs for its labels."""

    frames: int
    needed: int


def usable_shapes(
    directory: Path,
    policy: str,
    arguments: Sequence[str],
    inputs: Mapping[str, Any],
    shapes: Mapping[str, Sequence[Path]],
    texts: Mapping[str, Path],
) -> dict[str, list[Path]]:
    """Find the utterances that CTC cannot align, tell them, and leave them out where ``policy`` says so.

    ESPnet trains on the utterances of its shape files, so leaving out is done by copies of these.

    Args:
        directory: where the tables ``SET/impossible`` go, and the copies.
        policy: ``auto`` leaves few out and refuses many, ``drop`` leaves all out, ``keep`` none.
        arguments: of the training.
        inputs: what these arguments depend on, besides shapes and texts.
        shapes: by set (``train``, ``valid``), ESPnet's shape files, that of the speech first.
        texts: by set, the transcripts.

    Returns:
        The shape files to train with, by set.

    Raises:
        InputError: too many utterances for ``auto``, or nothing would be left.
    """
    record = Record(
        directory,
        **inputs,
        **{f"{part} {path.name}": content(path) for part, paths in shapes.items() for path in paths},
        **{f"{part} text": content(path) for part, path in texts.items()},
    )
    if not record.is_done():
        found = _find(arguments, {part: paths[0] for part, paths in shapes.items()}, texts)
        if found is None:
            return {part: list(paths) for part, paths in shapes.items()}
        record.begin()
        for part, utterances in found.items():
            lines = {key: f"{each.frames} {each.needed}" for key, each in utterances.items()}
            write_table(directory / part / TABLE, lines)
        record.finish()
    return {part: _usable(directory / part, policy, paths) for part, paths in shapes.items()}


def _find(
    arguments: Sequence[str], speech_shapes: Mapping[str, Path], texts: Mapping[str, Path]
) -> dict[str, dict[str, Impossible]] | None:
    """Look for them; None, with a warning, where the model cannot be built or run here."""
    try:
        with _quiet():
            from espnet_gmot.driver.ctc_lengths import find_impossible  # imports ESPnet, ten seconds

            return find_impossible(arguments, speech_shapes, texts)
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # whatever a model of ESPnet meets: its training will tell
        logging.warning(
            "whether CTC can align each utterance is not known (%s: %s); train.log will have ESPnet's reason "
            "if it concerns the training",
            type(error).__name__,
            str(error).partition("\n")[0],
        )
        return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide what ESPnet tells of a model being built: the training's own log has it."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _usable(directory: Path, policy: str, shapes: Sequence[Path]) -> list[Path]:
    table = read_table(directory / TABLE)
    if not table:
        return list(shapes)
    impossible = {key: Impossible(*map(int, numbers.split())) for key, numbers in table.items()}
    total = len(read_table(shapes[0]))
    told = _told(directory, impossible, total)
    if policy == "auto" and len(impossible) > FEW * total:
        raise InputError(
            f"{told}; more than {FEW:.0%} are too many: see whether audio and text belong together, or say "
            "--ctc_impossible drop to leave them out or --ctc_impossible keep to train on them"
        )
    if policy == "keep":
        logging.warning("%s; they stay in, as --ctc_impossible keep says or a training begun with them", told)
        return list(shapes)
    if len(impossible) == total:
        raise InputError(f"{told}; nothing is left to train on: see whether audio and text belong together")
    logging.warning("%s; they are left out (--ctc_impossible keep trains on them)", told)
    return [_without(impossible, path, directory / path.name) for path in shapes]


def _told(directory: Path, impossible: Mapping[str, Impossible], total: int) -> str:
    named = [f"{key} ({each.frames} frames, {each.needed} needed)" for key, each in impossible.items()]
    return (
        f"{directory.name}: CTC cannot align {len(impossible)} of {total} utterances, whose labels are more "
        "than the encoder's frames, counting a blank between equal labels: "
        f"{first_names(named, MOST_NAMED)} (all: {directory / TABLE})"
    )


def _without(keys: Mapping[str, object], table: Path, target: Path) -> Path:
    return join_lines([table], target, keep=lambda line: line.split(maxsplit=1)[0] not in keys)
