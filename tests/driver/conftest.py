"""A data directory of short noises for the tests of the recipe's stages."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_gmot.data.kaldi_data import write_data_dir

RATE = 8000
SLURM = """#!/usr/bin/env bash
# JOB=1:N LOG COMMAND: jobs in sessions of their own, without a terminal, in the directory where we are
last=${1#JOB=1:} log=$2
shift 2
for job in $(seq "${last}"); do
    setsid "${@//JOB/${job}}" < /dev/null > "${log//JOB/${job}}" 2>&1 &
    pids+=($!)
done
status=0
for pid in "${pids[@]}"; do
    wait "${pid}" 2> /dev/null || status=1
done
exit ${status}
"""


@pytest.fixture
def slurm(tmp_path: Path) -> str:
    """A launcher in the manner of Kaldi's slurm.pl."""
    script = tmp_path / "bin" / "slurm.pl"
    script.parent.mkdir()
    script.write_text(SLURM)
    script.chmod(0o755)
    return str(script)


@pytest.fixture
def make_corpus(tmp_path: Path) -> Callable[..., Path]:
    def make(n: int = 3, suffix: str = ".wav") -> Path:
        """Write utterances u1, u2 … of 0.1 s, 0.2 s … and return their data directory."""
        random = np.random.default_rng(0)
        wav_scp = {}
        for index in range(1, n + 1):
            path = tmp_path / "wav" / f"u{index}{suffix}"
            path.parent.mkdir(exist_ok=True)
            noise = random.integers(-20000, 20000, size=index * RATE // 10, dtype=np.int16)
            soundfile.write(path, noise, RATE, subtype="PCM_16")
            wav_scp[f"u{index}"] = str(path)
        texts = dict.fromkeys(wav_scp, "ni hao")
        write_data_dir(tmp_path / "data", wav_scp, texts, dict.fromkeys(wav_scp, "s"))
        return tmp_path / "data"

    return make
