"""The shell tests of this folder, beside the others on both cores."""

import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bats") is None, reason="bats is not installed")
@pytest.mark.parametrize("script", sorted(path.name for path in FOLDER.glob("*.bats")))
def test_every_case_of(script):
    done = subprocess.run(["bats", script], cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
