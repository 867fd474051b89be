"""A copy of the recipes, and the environment in which their scripts find this interpreter as python3."""

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
THIS_PYTHON = f'exec "{sys.executable}" "$@"'
MADE_BY_RUNS = shutil.ignore_patterns("data", "dump", "exp", "downloads")


def clone(directory: Path) -> Path:
    """Copy recipes and YAMLs as a fresh clone has them; ``bin`` in it has this interpreter as python3."""
    for folder in ("egs2", "conf"):
        shutil.copytree(ROOT / folder, directory / folder, symlinks=True, ignore=MADE_BY_RUNS)
    write_program(directory / "bin" / "python3", THIS_PYTHON)
    return directory


def write_program(path: Path, body: str, shell: str = "/bin/sh") -> None:
    """Write an executable of these lines of shell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{shell}\n{body}\n")
    path.chmod(0o755)


def environment(programs: Path, **more: str) -> dict[str, str]:
    """This process's environment and modules, with the folder ``programs`` first on PATH."""
    path = f"{programs}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **more}
