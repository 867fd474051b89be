"""tools/gpu_check.sh: its dry run on a machine without a GPU, and how it installs wheels."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_wheels import write_wheel

ROOT = Path(__file__).parents[2]
FAKE = """
import sys
import carried
print(carried.__file__, sys.argv[1:])
"""


def run(*arguments, root=ROOT, cwd=None):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "CUDA_VISIBLE_DEVICES": ""}
    command = [root / "tools/gpu_check.sh", *arguments]
    return subprocess.run(command, cwd=cwd or root, env=environment, capture_output=True, text=True)


def test_dry_run(tmp_path):
    ended = run("results", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = [line.split(maxsplit=1) for line in ended.stdout.splitlines()]
    assert [name for name, _ in lines] == [
        "kernel",
        "step",
        "fgw",
        "training_step",
        "decoding",
        "teacher_cache",
        "full_training",
        "two_processes",
    ]
    assert {" ".join(rest.split()) for _, rest in lines} == {"not run 0 s no CUDA GPU here"}
    report = json.loads((tmp_path / "results/report.json").read_text())
    assert {outcome["status"] for outcome in report.values()} == {"not run"}
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["report.json"]


@pytest.fixture
def checkout(tmp_path):
    """The script with another driver, which needs a module out of a wheel."""
    root = tmp_path / "a checkout"
    (root / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "tools/gpu_check.sh", root / "tools")
    (root / "benchmarks").mkdir()
    (root / "benchmarks/__init__.py").touch()
    (root / "benchmarks/gpu_check.py").write_text(FAKE)
    return root


def test_wheels_are_installed_once_and_options_handed_on(checkout, tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    write_wheel(wheels, "carried", "1.0", (), ["carried.py"])
    ended = run("out", "--wheels", wheels, "--seconds", "7", root=checkout)
    site = checkout / ".gpu_check/carried.py"
    assert ended.stdout == f"{site} {[str(checkout / 'out'), '--seconds', '7']}\n", ended.stderr
    before = site.stat().st_mtime_ns
    assert run("out", "--wheels", wheels, root=checkout).returncode == 0
    assert site.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "usage: tools/gpu_check.sh OUT"),
        (["--seconds", "5"], "usage: tools/gpu_check.sh OUT"),
        (["out", "--wheels", "nowhere"], "--wheels: there is no folder 'nowhere'"),
        (["out", "--wheels"], "--wheels: there is no folder ''"),
    ],
)
def test_bad_arguments(checkout, arguments, told):
    ended = run(*arguments, root=checkout)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"gpu_check.sh: error: {told}" in ended.stderr


def test_a_folder_without_wheels_is_refused(checkout, tmp_path):
    (tmp_path / "empty").mkdir()
    ended = run("out", "--wheels", tmp_path / "empty", root=checkout)
    assert ended.returncode == 1
    assert "there is no wheel in" in ended.stderr
