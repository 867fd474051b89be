"""Start tests/egs2/warm_python.py, which answers as ``python3 -m espnet_gmot`` does, at once."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recipe_copy import write_program

SERVER = Path(__file__).with_name("egs2") / "warm_python.py"


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
