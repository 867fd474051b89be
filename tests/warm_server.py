"""Start tests/egs2/warm_python.py, which answers as ``python3 -m espnet_gmot`` does, at once."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recipe_copy import clone, one_thread, write_program

SERVER = Path(__file__).with_name("egs2") / "warm_python.py"


@contextmanager
def warm_clone(directory: Path, corpus: str) -> Iterator[Path]:
    """Give a recipe in a copy as a fresh clone has it; on PATH this python3, and one with ESPnet imported."""
    recipe = clone(directory) / "egs2" / corpus / "asr1"
    with warm_python(directory / "bin", one_thread(recipe)):
        yield recipe


@contextmanager
def warm_python(folder: Path, environment: dict[str, str], python: str = sys.executable) -> Iterator[None]:
    """Have a program ``warm_python`` in ``folder``, run by ``python``, as long as the block lasts."""
    socket, log = folder / "warm.sock", folder / "warm.log"
    write_program(folder / "warm_python", f'exec "{python}" -SE {SERVER} {socket} "$@"')
    with log.open("w") as file:
        server = subprocess.Popen(
            [python, SERVER, "serve", socket], env=environment, stdout=file, stderr=file
        )
    try:
        deadline = time.monotonic() + 300
        while not socket.exists():
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield
    finally:
        server.kill()
        server.wait()
