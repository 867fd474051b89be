"""Who decodes in ESPnet3's inference."""

import pytest
from espnet3_installed import needs_espnet3

pytestmark = needs_espnet3


@pytest.mark.parametrize(
    ("parallel", "who"),
    [
        ({"env": "local", "n_workers": 1}, "this process"),
        ({"env": "local", "n_workers": 2}, "dask"),
        ({"env": "slurm", "n_workers": 1}, "dask"),
    ],
)
def test_one_local_worker_is_this_process(monkeypatch, parallel, who):
    from espnet3.parallel import parallel as espnet3_parallel
    from espnet3.systems.esp2_asr.inference import ASRInferenceRunner
    from omegaconf import OmegaConf

    from espnet_gmot.espnet3.runner import ASRRunner

    monkeypatch.setattr(espnet3_parallel, "parallel_config", OmegaConf.create(parallel))
    monkeypatch.setattr(ASRInferenceRunner, "_run_local", lambda self, shards: ["this process"])
    monkeypatch.setattr(ASRInferenceRunner, "_run_parallel_dask", lambda self, shards: ["dask"])
    assert ASRRunner(provider=None)._run_parallel_dask([]) == [who]
