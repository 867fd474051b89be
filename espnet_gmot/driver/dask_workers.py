"""Workers of Dask, with which ESPnet3 spreads its work over processes or the jobs of a cluster."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from espnet_gmot.driver.parallel import Attempt, Outcome
from espnet_gmot.errors import InputError

CURE = "install it: pip install 'dask[distributed]' dask-jobqueue"


@dataclass(frozen=True)
class DaskWorkers:
    """The workers of a Dask client, such as ``espnet3.parallel.parallel.get_client`` gives.

    They need the plugin installed, and what the items name must be there by the same path.

    Args:
        client: ``dask.distributed.Client``.

    Example:
        >>> from espnet3.parallel.parallel import get_client, set_parallel    # doctest: +SKIP
        >>> set_parallel(config.parallel)                                     # doctest: +SKIP
        >>> with get_client() as client:                                      # doctest: +SKIP
        ...     parallel_map(function, items, DaskWorkers(client), "title")
    """

    client: Any

    def outcomes(
        self, attempt: Attempt, chunks: Sequence[Sequence[Any]], title: str, told: Callable[[int], object]
    ) -> Iterable[Outcome]:
        """As :class:`~espnet_gmot.driver.parallel.Workers` says.

        Raises:
            InputError: Dask is not installed.
        """
        try:
            from distributed import as_completed
        except ImportError as error:
            raise InputError(f"Dask cannot be imported ({error}); {CURE}") from error
        futures = self.client.map(attempt, chunks, pure=False)
        numbers = {future: number for number, future in enumerate(futures)}
        found: dict[int, Outcome] = {}
        try:
            for future, outcome in as_completed(futures, with_results=True):
                found[numbers[future]] = outcome
                told(len(chunks[numbers[future]]))
        finally:
            self.client.cancel(futures)
        return [found[number] for number in range(len(chunks))]
