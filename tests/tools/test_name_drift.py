"""What is printed where the newest versions fail: the failures, then the packages with both versions."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "name_drift.py"
INSTALLED = {dist.metadata["Name"]: dist.version.partition("+")[0] for dist in metadata.distributions()}
OURS = {name: version for name, version in INSTALLED.items() if name not in ("espnet_gmot", "pip")}
LOG = """
tests/test_model.py:3: in forward
E   ImportError: cannot import name 'x' from 'torch.nn' (torch/nn/__init__.py)
FAILED tests/test_model.py::test_loss - ImportError
ERROR tests/test_conf.py::test_yaml - ImportError
"""


@pytest.fixture
def name_drift(tmp_path):
    def run(pins, log):
        (tmp_path / "lock.txt").write_text("# lock\n" + "".join(f"{n}=={v}\n" for n, v in pins.items()))
        (tmp_path / "log").write_text(log)
        command = [sys.executable, TOOL, tmp_path / "lock.txt", tmp_path / "log"]
        return subprocess.run(command, capture_output=True, text=True)

    return run


def test_suspects_come_before_what_else_is_newer(name_drift):
    done = name_drift(OURS | {"torch": "0.1", "pytest": "0.2"}, LOG)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "WARNING: fails with the newest versions: tests/test_model.py::test_loss",
        "WARNING: fails with the newest versions: tests/test_conf.py::test_yaml",
        f"WARNING: torch 0.1 -> {INSTALLED['torch']}, named in the failures",
        f"WARNING: also newer than the lock: pytest 0.2 -> {INSTALLED['pytest']}",
    ]


def test_a_package_that_is_not_locked_counts(name_drift):
    pins = {name: version for name, version in OURS.items() if name != "pytest"}
    assert f"pytest not locked -> {INSTALLED['pytest']}" in name_drift(pins, "").stdout


def test_failures_without_drift_are_an_error(name_drift):
    done = name_drift(OURS, LOG)
    assert done.returncode == 1
    assert "every version is that of the lock" in done.stderr
