"""The command lines that a recipe's YAML names, such as those of its ``local/``."""

import os
import shlex
import sys
from pathlib import Path

from espnet_gmot.driver.commands import run_command


def run_script(command: str) -> None:
    """Run a command line in the recipe's directory; ``python3`` in it is the Python that runs this.

    Args:
        command: e.g. ``local/data.sh --preset demo``.

    Raises:
        CommandFailed: it ended with an error, which it has printed.
        InputError: there is no such program.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    run_command(shlex.split(command), env={**os.environ, "PATH": path})
