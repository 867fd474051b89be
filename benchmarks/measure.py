"""Time contenders side by side and judge their couplings by one function."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks.peers import Calls, Contender
from benchmarks.problems import Batch
from benchmarks.results import Row
from espnet_gmot.ot import fused_cost

# Seconds of one call after which it is not repeated; its first run, the warm-up, then counts.
PATIENCE = 2.0


def measure(
    contenders: Sequence[Contender], batch: Batch, alpha: float, repeats: int, tick: Callable[[str], None]
) -> list[Row]:
    """Run contenders on a batch, all in turn in each of ``repeats`` rounds.

    Args:
        contenders: Those that cannot run here get a row that says why.
        batch: The problems.
        alpha: Weight of the edge cost, to judge the couplings with.
        repeats: Timed runs, after one that warms up.
        tick: Called with what comes next, once a contender and twice a round.
    """
    runs: dict[Contender, Calls] = {}
    plans, first = {}, {}
    for contender in contenders:
        tick(contender.name)
        if contender.hindrance is None:
            runs[contender] = contender.prepare(batch)
            plans[contender], first[contender] = _clock(runs[contender].solve)
    solve = {who: calls.solve for who, calls in runs.items()}
    seconds = interleaved_medians(solve, first, repeats, tick)
    train = {who: calls.train for who, calls in runs.items() if calls.train is not None}
    first_train = {who: _clock(call)[1] for who, call in train.items()}
    train_seconds = interleaved_medians(train, first_train, repeats, tick)
    return [
        Row(who, None, seconds[who], train_seconds.get(who), *judge(plans[who], batch, alpha))
        if who in runs
        else Row(who, who.hindrance)
        for who in contenders
    ]


def interleaved_medians(
    calls: Mapping[Contender, Callable[[], object]],
    first: Mapping[Contender, float],
    repeats: int,
    tick: Callable[[str], None],
) -> dict[Contender, float]:
    """Median seconds of each call, run round by round so that a busy spell of the machine meets all of them.

    Args:
        calls: What to time.
        first: Seconds of each call's first run. It warmed up and does not count, unless it took longer than
            ``PATIENCE``: it is then not repeated.
        repeats: Rounds.
        tick: Called before each round.
    """
    taken = {who: [seconds] if seconds > PATIENCE else [] for who, seconds in first.items()}
    for done in range(repeats):
        tick(f"round {done + 1} of {repeats}")
        for who, call in calls.items():
            if first[who] <= PATIENCE:
                taken[who].append(_clock(call)[1])
    return {who: statistics.median(times) for who, times in taken.items()}


def judge(plans: Iterable[Any], batch: Batch, alpha: float) -> tuple[Tensor, Tensor]:
    """Return the cost and the marginal error (batch,) of couplings, padded or not, in float64."""
    plan = torch.zeros(batch.D.shape, dtype=torch.float64)
    for target, part in zip(plan, plans, strict=True):
        target[: part.shape[0], : part.shape[1]] = torch.as_tensor(part)
    costs = (cost.double() for cost in batch[:3])
    value, _, _ = fused_cost(*costs, plan, alpha, (batch.lengths_a, batch.lengths_b))
    p, q = batch.marginals()
    error = (plan.sum(2) - p).abs().sum(1) + (plan.sum(1) - q).abs().sum(1)
    return value, error


def _clock(call: Callable[[], object]) -> tuple[Any, float]:
    """Return what a call returns, and its seconds."""
    _finish_gpu_work()
    start = time.perf_counter()
    result = call()
    _finish_gpu_work()
    return result, time.perf_counter() - start


def _finish_gpu_work() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
