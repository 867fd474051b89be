"""ESPnet3's inference without Dask, where one process does the work."""

from collections.abc import Sequence
from typing import Any

from espnet3.parallel.parallel import get_parallel_config
from espnet3.systems.esp2_asr.inference import ASRInferenceRunner


class ASRRunner(ASRInferenceRunner):
    """ESPnet3's runner, but a single local worker is this process.

    ESPnet3 starts a cluster of Dask for that too, which takes longer than to decode a small set.
    """

    def _run_parallel_dask(self, shards: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        parallel = get_parallel_config()
        if parallel.env == "local" and parallel.n_workers == 1:
            return self._run_local(shards)
        return super()._run_parallel_dask(shards)
