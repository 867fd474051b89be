"""A Python that finds torch, what torch requires but Triton, this package, and nothing else."""

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def run_with_torch_alone(directory: Path, code: str) -> subprocess.CompletedProcess:
    """Run Python code where only the standard library, torch and ``espnet_gmot`` can be imported.

    Args:
        directory: For the links to these packages; it is made at the first call.
        code: What to run, in a process of its own.
    """
    if not directory.exists():
        directory.mkdir()
        (directory / "espnet_gmot").symlink_to(ROOT / "espnet_gmot")
        for path in _installed({"torch"} | _required("torch", frozenset()) - {"triton"}):
            (directory / path.name).symlink_to(path)
    # Without site and isolated: neither this environment's packages nor PYTHONPATH.
    start = f"import sys; sys.path.append({str(directory)!r}); sys.dont_write_bytecode = True\n"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", start + code],
        capture_output=True, text=True, timeout=240, env={**os.environ, "TRITON_INTERPRET": ""},
    )  # fmt: skip


def _required(name: str, extras: frozenset[str]) -> set[str]:
    """The distributions that one asks for, and those that these ask for, where they are installed."""
    found = set()
    try:
        lines = distribution(name).requires or []
    except PackageNotFoundError:
        return found
    for need in map(Requirement, lines):
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            found |= {need.name} | _required(need.name, frozenset(need.extras))
    return found


def _installed(names: set[str]) -> set[Path]:
    """The top-level files and folders of distributions, without their metadata."""
    found = set()
    for name in names:
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue
        tops = {path.parts[0] for path in installed.files or []}
        found |= {
            Path(installed.locate_file(top))
            for top in tops
            if not top.endswith((".dist-info", ".pth")) and top not in ("..", "__pycache__")
        }
    return found
