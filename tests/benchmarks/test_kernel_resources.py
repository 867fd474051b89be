import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.kernel_resources import HEADER, Resources, figures, main, rows
from benchmarks.problems import Shape
from espnet_gmot.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("warps", "registers", "shared", "blocks"),
    [(8, 255, 32, 1), (8, 128, 32, 2), (16, 128, 128, 1), (4, 32, 8, 16), (4, 40, 100, 2)],
)
def test_what_runs_out_first_says_how_many_blocks_fit(warps, registers, shared, blocks):
    """Registers, registers, both, warps, shared memory."""
    assert Resources(warps, registers, 0, shared * 1024).blocks() == blocks


def test_what_does_not_fit_is_not_compiled():
    pytest.importorskip("espnet_gmot.ot.triton_kernel", exc_type=ImportError)
    (row,) = rows((128, 2048), [Shape(1, 1500, 120)])
    assert row[:3] == ["1500 × 120", "2048 × 128", "none: torch takes over"] and len(row) == len(HEADER)


def test_occupancy_is_the_share_of_the_warps_that_could_be_there():
    assert figures(Resources(8, 128, 64, 32 * 1024)) == ["128", "64", "32", "2", "25.0%"]


def test_the_interpreter_is_refused(monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    with pytest.raises(InputError, match="unset TRITON_INTERPRET"):
        main()


@pytest.mark.slow
def test_the_table_of_the_page_is_the_commands():
    """With this Triton's compiler: another may need other registers, and then the page wants a new table."""
    triton = pytest.importorskip("triton")
    if not (Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump").exists():
        pytest.skip("this Triton comes without cuobjdump")
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-m", "benchmarks.kernel_resources"]
    printed = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    ).stdout
    page = (ROOT / "docs/gpu.md").read_text()
    if f"Triton {triton.__version__}" not in page:
        pytest.skip("the page's table is another Triton's")
    assert printed.strip() in page
