"""What is printed where the newest versions fail: the failures, then the packages with both versions."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "name_drift.py"
FREEZE = "torch==2.15.0+cpu\nruff==0.9\nPyYAML==6.0\nsome_tool==2\n-e git+x#egg=espnet_gmot\n"
LOG = """
ruff 0.9 and torch are in the header, which counts for nothing
=================================== FAILURES ===================================
tests/test_model.py:3: in forward
E   ImportError: cannot import name 'x' from 'torch.nn' (torch/nn/__init__.py)
=============================== warnings summary ===============================
some_tool: a warning
=========================== short test summary info ============================
FAILED tests/test_model.py::test_loss - ImportError
ERROR tests/test_conf.py::test_yaml - ImportError
"""


@pytest.fixture
def name_drift(tmp_path):
    def run(lock, log):
        for name, content in (("lock", lock), ("freeze", FREEZE), ("log", log)):
            (tmp_path / name).write_text(content)
        command = [sys.executable, TOOL, *(tmp_path / name for name in ("lock", "freeze", "log"))]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    return run


def test_suspects_come_before_what_else_differs(name_drift):
    assert name_drift("# lock\ntorch==2.14.1\nruff==0.8\npyyaml==6.0\n", LOG) == [
        "WARNING: fails with the newest versions: tests/test_model.py::test_loss",
        "WARNING: fails with the newest versions: tests/test_conf.py::test_yaml",
        "WARNING: torch 2.14.1 -> 2.15.0, named in the failures",
        "WARNING: differs from the lock too: ruff 0.8 -> 0.9, some-tool not locked -> 2",
    ]


def test_a_package_that_pip_cannot_install_is_named(name_drift):
    said = name_drift("ruff==0.8", "ERROR: No matching distribution found for ruff>=99\n")
    assert said[0] == "WARNING: ruff 0.8 -> 0.9, named in the failures"


def test_the_same_versions_are_no_suspects(name_drift):
    lock = "torch==2.15.0\nruff==0.9\nPyYAML==6.0\nsome-tool==2"
    assert name_drift(lock, LOG)[-1] == "WARNING: differs from the lock too: no other package"
