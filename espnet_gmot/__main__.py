"""Run any ESPnet command with the plugin registered: ``python -m espnet_gmot -m espnet2.bin.asr_train …``.

It also runs a script by its path, so ``--python "python3 -m espnet_gmot"`` serves every line of
a stock ESPnet recipe.
"""

import importlib.util
import runpy
import sys

from espnet_gmot.bin import _command
from espnet_gmot.errors import InputError

USAGE = (
    "usage: python -m espnet_gmot -m MODULE [ARGUMENT ...]  or  python -m espnet_gmot SCRIPT [ARGUMENT ...]"
)


def main() -> None:
    """Run the module or script that the command line names, with the rest as its arguments."""
    _register_in_spawned_children()
    arguments = sys.argv[1:]
    if arguments[:1] == ["-m"] and len(arguments) > 1:
        name = arguments[1]
        spec = importlib.util.find_spec(name)
        if spec is None:
            raise InputError(f"there is no module {name}; {USAGE}")
        sys.argv = [spec.origin or name, *arguments[2:]]
        runpy.run_module(name, run_name="__main__")
    elif arguments and not arguments[0].startswith("-"):
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")
    else:
        raise InputError(USAGE)


def _register_in_spawned_children() -> None:
    """Let processes that the command spawns, one a GPU, import the plugin too.

    ``multiprocessing`` imports the main module's ``__spec__`` again in each child, unless its name
    ends in ``__main__``.
    """
    sys.modules["__main__"].__spec__ = importlib.util.find_spec("espnet_gmot")


if __name__ == "__main__":
    _command.run(main)
