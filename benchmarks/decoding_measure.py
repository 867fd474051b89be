"""Time contenders on the same utterances, and compare their hypotheses."""

import cProfile
import pstats
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

import espnet_gmot.decoding
from benchmarks.decoding_contenders import Contender
from benchmarks.training_step_models import SAMPLE_RATE


@dataclass
class Row:
    """What was measured of one contender.

    Attributes:
        contender: who.
        audio: seconds of speech decoded in a round.
        seconds: of each round; empty where it was not run.
        differing: hypotheses that differ from the reference in the worst round; None where it makes none.

        compared: utterances.
    """

    contender: Contender
    audio: float
    compared: int
    seconds: list[float] = field(default_factory=list)
    differing: int | None = None


class ProfileRow(NamedTuple):
    """What one function takes of our decoding, with all that it calls.

    Attributes:
        function: file and name.
        share: in [0, 1].
    """

    function: str
    share: float


def measure(
    contenders: Sequence[Contender],
    speech: Sequence[Tensor],
    expected: Sequence[list[int]],
    rounds: int,
    beam_utterances: int,
) -> list[Row]:
    """Run all contenders in turn in each round, every other round from the last to the first.

    Beam searches take long: they run once, on the first ``beam_utterances`` alone.

    Args:
        contenders: who; those with a hindrance are left out.
        speech: utterances (samples,).
        expected: token ids of each.
        rounds: timed runs of the others, after one that warms up.
        beam_utterances: how many the beam searches decode.
    """
    rows = [_empty_row(contender, speech, beam_utterances) for contender in contenders]
    runs = [row for row in rows if row.contender.decode is not None]
    bar = tqdm(total=(rounds + 1) * len(runs), desc=f"decoding on {contenders[0].device}", unit="run")
    with bar:
        for number in range(rounds + 1):
            for row in runs[:: -1 if number % 2 else 1]:
                beam = row.contender.beam_size is not None
                if not beam or number == 1:
                    _run(row, speech, expected, counts=number > 0)
                elif number == 0:
                    row.contender.decode(speech[:1])
                bar.update()
    return rows


def _empty_row(contender: Contender, speech: Sequence[Tensor], beam_utterances: int) -> Row:
    count = len(speech) if contender.beam_size is None else beam_utterances
    return Row(contender, sum(map(len, speech[:count])) / SAMPLE_RATE, count)


def _run(row: Row, speech: Sequence[Tensor], expected: Sequence[list[int]], counts: bool) -> None:
    hypotheses, seconds = _clock(row.contender, speech[: row.compared])
    if counts:
        row.seconds.append(seconds)
    if hypotheses is not None:
        pairs = zip(hypotheses, expected[: row.compared], strict=True)
        row.differing = max(row.differing or 0, sum(found != wanted for found, wanted in pairs))


def _clock(contender: Contender, speech: Sequence[Tensor]) -> tuple[Any, float]:
    start = perf_counter()
    result = contender.decode(speech)
    if contender.device == "cuda":
        torch.cuda.synchronize()
    return result, perf_counter() - start


def profile(contender: Contender, speech: Sequence[Tensor]) -> list[ProfileRow]:
    """Return the share that the package's functions take of one run, the largest first."""
    package = Path(espnet_gmot.decoding.__file__).parent
    profiler = cProfile.Profile()
    profiler.runcall(contender.decode, speech)
    found = pstats.Stats(profiler)
    rows = [
        ProfileRow(f"decoding/{Path(file).name}: {function}", seconds / found.total_tt)
        for (file, _, function), (_, _, _, seconds, _) in found.stats.items()
        if Path(file).is_relative_to(package) and not function.startswith("<")
    ]
    return sorted(rows, key=lambda row: -row.share)
