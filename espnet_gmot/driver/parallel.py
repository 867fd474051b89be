"""Map a function over many items in worker processes, with a progress bar."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from tqdm import tqdm

CHUNK = 16  # items a task: few enough for a smooth bar, many enough to hide the cost of a task


def parallel_map(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    nj: int,
    description: str,
    unit: str = "utt",
    chunk: int = CHUNK,
) -> list[Any]:
    """Return ``[function(item) for item in items]``, computed by ``nj`` processes.

    The first error stops the rest and is raised here; workers end when their parent is killed.

    Args:
        function: a picklable function of one item.
        items: picklable items.
        nj: number of processes; 1 computes in this process.
        description: label of the progress bar.
        unit: what an item is, for the progress bar.
        chunk: items a task; 1 where an item takes seconds.
    """
    with tqdm(total=len(items), desc=description, unit=unit, mininterval=0.5) as bar:
        if nj <= 1 or len(items) <= chunk:
            return _map_here(function, items, bar)
        return _map_in_processes(function, items, nj, chunk, bar)


def _map_here(function: Callable[[Any], Any], items: Sequence[Any], bar: tqdm) -> list[Any]:
    results = []
    for item in items:
        results.append(function(item))
        bar.update()
    return results


def _map_in_processes(
    function: Callable[[Any], Any], items: Sequence[Any], nj: int, chunk: int, bar: tqdm
) -> list[Any]:
    chunks = [items[start : start + chunk] for start in range(0, len(items), chunk)]
    # Spawned workers inherit no lock that a thread of this process happens to hold.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(nj, len(chunks)), mp_context=context, initializer=_end_with_parent)
    try:
        tasks = [pool.submit(_call_each, function, chunk) for chunk in chunks]
        for task in as_completed(tasks):
            bar.update(len(task.result()))
        return [result for task in tasks for result in task.result()]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _call_each(function: Callable[[Any], Any], chunk: Sequence[Any]) -> list[Any]:
    return [function(item) for item in chunk]


def _end_with_parent() -> None:
    def watch() -> None:
        if parent := multiprocessing.parent_process():
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
