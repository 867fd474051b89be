"""Map a function over many items by workers of any kind, with a progress bar."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, Protocol

from tqdm import tqdm

from espnet_gmot.errors import InputErrors, collect_faults

CHUNK = 16  # items a task: few enough for a smooth bar, many enough to hide the cost of a task

Outcome = list[Any] | InputErrors  # of a chunk of items: the results, or the faults of all of them
Attempt = Callable[[Sequence[Any]], Outcome]


class Workers(Protocol):
    """Who computes: :class:`Processes` of this machine, jobs of a cluster
    (:class:`~espnet_gmot.driver.job_workers.Jobs`) or Dask's workers
    (:class:`~espnet_gmot.driver.dask_workers.DaskWorkers`).
    """

    def outcomes(
        self, attempt: Attempt, chunks: Sequence[Sequence[Any]], title: str, told: Callable[[int], object]
    ) -> Iterable[Outcome]:
        """Compute all chunks, whatever faults they have.

        Args:
            attempt: computes a chunk of items; picklable.
            chunks: the items.
            title: what is done, in a few words.
            told: gets the number of items that were computed since it was last called.

        Returns:
            What ``attempt`` gave, in the order of the items.
        """


def parallel_map(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    workers: Workers,
    description: str,
    unit: str = "utt",
    chunk: int = CHUNK,
    among: str = "",
) -> list[Any]:
    """Return ``[function(item) for item in items]``, computed by ``workers``.

    An InputError leaves the other items to be computed; any other error stops them and is raised here.
    What was computed by then is lost, so a function whose items take long keeps what it made in files.

    Args:
        function: a picklable function of one item.
        items: picklable items.
        workers: who computes.
        description: label of the progress bar, and of the jobs' logs.
        unit: what an item is, for the progress bar.
        chunk: items a task; 1 where an item takes seconds.
        among: what the faults are counted among, for :class:`~espnet_gmot.errors.InputErrors`.

    Raises:
        InputErrors: the faults of all items, in their order.

    Example:
        >>> parallel_map(str, [1, 2, 3], Processes(1), "write")
        ['1', '2', '3']
    """
    chunks = [items[start : start + chunk] for start in range(0, len(items), chunk)]
    with tqdm(total=len(items), desc=description, unit=unit, mininterval=0.5) as bar:
        outcomes = workers.outcomes(partial(_attempt, function), chunks, description, bar.update)
        return list(chain.from_iterable(collect_faults(_results, outcomes, among)))


def _attempt(function: Callable[[Any], Any], chunk: Sequence[Any]) -> Outcome:
    try:
        return list(collect_faults(function, chunk))
    except InputErrors as faults:
        return faults


def _results(outcome: Outcome) -> list[Any]:
    if isinstance(outcome, InputErrors):
        raise outcome
    return outcome


@dataclass(frozen=True)
class Processes:
    """Processes of this machine; they end when their parent is killed.

    Args:
        nj: number of processes; 1 computes in this process, and so does a single chunk.
    """

    nj: int

    def outcomes(
        self, attempt: Attempt, chunks: Sequence[Sequence[Any]], title: str, told: Callable[[int], object]
    ) -> Iterable[Outcome]:
        """As :class:`Workers` says."""
        if self.nj <= 1 or len(chunks) <= 1:
            return _compute_here(attempt, chain.from_iterable(chunks), told)
        return self._compute(attempt, chunks, told)

    def _compute(
        self, attempt: Attempt, chunks: Sequence[Sequence[Any]], told: Callable[[int], object]
    ) -> list[Outcome]:
        # Spawned workers inherit no lock that a thread of this process happens to hold.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(
            min(self.nj, len(chunks)), mp_context=context, initializer=_end_with_parent
        )
        try:
            tasks = {pool.submit(attempt, chunk): len(chunk) for chunk in chunks}
            for task in as_completed(tasks):
                task.result()  # an error ends the others
                told(tasks[task])
            return [task.result() for task in tasks]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _compute_here(attempt: Attempt, items: Iterable[Any], told: Callable[[int], object]) -> Iterable[Outcome]:
    for item in items:
        yield attempt([item])
        told(1)


def _end_with_parent() -> None:
    def watch() -> None:
        if parent := multiprocessing.parent_process():
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
