"""A copy of the recipes, and the environment in which their scripts find this interpreter as python3."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).parents[1]
THIS_PYTHON = f'exec "{sys.executable}" "$@"'
MADE_BY_RUNS = shutil.ignore_patterns("data", "dump", "exp", "downloads")


def clone(directory: Path) -> Path:
    """Copy recipes and YAMLs as a fresh clone has them; ``bin`` in it has this interpreter as python3."""
    for folder in ("egs2", "egs3", "conf"):
        shutil.copytree(ROOT / folder, directory / folder, symlinks=True, ignore=MADE_BY_RUNS)
    write_program(directory / "bin" / "python3", THIS_PYTHON)
    return directory


def copy_stage_1(corpus: str, directory: Path) -> Path:
    """Copy a recipe's local/ and db.sh, as into a stock checkout, and this interpreter as python3."""
    recipe = ROOT / "egs2" / corpus / "asr1"
    shutil.copytree(recipe / "local", directory / "asr1" / "local")
    shutil.copy(recipe / "db.sh", directory / "asr1")
    write_program(directory / "python3", THIS_PYTHON)
    return directory / "asr1"


def data_sh(recipe: Path, *options: str) -> subprocess.CompletedProcess:
    """Run stage 1 of such a copy."""
    command = ["local/data.sh", *options]
    return subprocess.run(command, cwd=recipe, env=environment(recipe.parent), capture_output=True, text=True)


@contextmanager
def mirror(directory: Path) -> Iterator[str]:
    """Serve the files of a directory at the address given, as long as the block lasts."""
    handler = partial(SimpleHTTPRequestHandler, directory=directory)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def one_thread(recipe: Path) -> dict[str, str]:
    """The environment of a recipe in a clone, for one core."""
    return environment(recipe.parents[2] / "bin", OMP_NUM_THREADS="1")


def run_stages(
    recipe: Path, stages: str, configurations: Mapping[str, str], **variables: str
) -> tuple[int, str]:
    """Run stages of a recipe of ESPnet3 in a clone, all if none is named; return what run_script does.

    Args:
        recipe: its directory.
        stages: names, separated by blanks.
        configurations: role, such as ``training``, to YAML.
        variables: of the environment.
    """
    words = ["--stages", *stages.split()] if stages else []
    words += [f"--{role}_config={path}" for role, path in configurations.items()]
    done = subprocess.run(
        [sys.executable, "run.py", *words], cwd=recipe, timeout=600, env=one_thread(recipe) | variables,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout


def run_script(recipe: Path, script: str, *options: str) -> tuple[int, str]:
    """Run a script of a recipe in a clone; return its exit status and what it printed."""
    done = subprocess.run(
        [f"./{script}", *options], cwd=recipe, timeout=900,
        env=one_thread(recipe), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout


def write_program(path: Path, body: str, shell: str = "/bin/sh") -> None:
    """Write an executable of these lines of shell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{shell}\n{body}\n")
    path.chmod(0o755)


def environment(programs: Path, **more: str) -> dict[str, str]:
    """This process's environment and modules, with the folder ``programs`` first on PATH."""
    path = f"{programs}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **more}
