"""Map a function over many items in worker processes, with a progress bar."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from typing import Any

from tqdm import tqdm

from espnet_gmot.errors import InputError, collect_faults

CHUNK = 16  # items a task: few enough for a smooth bar, many enough to hide the cost of a task


def parallel_map(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    nj: int,
    description: str,
    unit: str = "utt",
    chunk: int = CHUNK,
    among: str = "",
) -> list[Any]:
    """Return ``[function(item) for item in items]``, computed by ``nj`` processes.

    An InputError leaves the other items to be computed; any other error stops them and is raised here.
    Workers end when their parent is killed.

    Args:
        function: a picklable function of one item.
        items: picklable items.
        nj: number of processes; 1 computes in this process.
        description: label of the progress bar.
        unit: what an item is, for the progress bar.
        chunk: items a task; 1 where an item takes seconds.
        among: what the faults are counted among, for :class:`~espnet_gmot.errors.InputErrors`.

    Raises:
        InputErrors: the faults of all items, in their order.
    """
    with tqdm(total=len(items), desc=description, unit=unit, mininterval=0.5) as bar:
        if nj <= 1 or len(items) <= chunk:
            return _map_here(function, items, bar, among)
        return _map_in_processes(function, items, nj, chunk, bar, among)


def _map_here(function: Callable[[Any], Any], items: Sequence[Any], bar: tqdm, among: str) -> list[Any]:
    def told(item: Any) -> Any:
        try:
            return function(item)
        finally:
            bar.update()

    return list(collect_faults(told, items, among))


def _map_in_processes(
    function: Callable[[Any], Any], items: Sequence[Any], nj: int, chunk: int, bar: tqdm, among: str
) -> list[Any]:
    chunks = [items[start : start + chunk] for start in range(0, len(items), chunk)]
    # Spawned workers inherit no lock that a thread of this process happens to hold.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(nj, len(chunks)), mp_context=context, initializer=_end_with_parent)
    try:
        tasks = {pool.submit(_call_each, function, chunk): len(chunk) for chunk in chunks}
        for task in as_completed(tasks):
            if not isinstance(task.exception(), InputError):
                task.result()
            bar.update(tasks[task])
        return [result for results in collect_faults(_result, tasks, among) for result in results]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _call_each(function: Callable[[Any], Any], chunk: Sequence[Any]) -> list[Any]:
    return list(collect_faults(function, chunk))


def _result(task: "Future[list[Any]]") -> list[Any]:
    return task.result()


def _end_with_parent() -> None:
    def watch() -> None:
        if parent := multiprocessing.parent_process():
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
