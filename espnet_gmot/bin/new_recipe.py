"""Write a recipe for your own corpus: all that ESPnet's has, with local/data.sh left for you to write."""

import argparse
import itertools
from importlib.resources import files
from pathlib import Path

from espnet_gmot.bin._command import run
from espnet_gmot.errors import InputError
from espnet_gmot.files import write_dir_aside

TEMPLATE = Path(str(files("espnet_gmot.driver"))) / "template"
CONTENTS = ("*.sh", "*/*.sh", "conf/*.yaml")  # what the wheel holds of it, see setup.py

WHAT_NEXT = """{directory} holds a recipe. What comes next:
    cd {directory}
    write local/data.sh: its head says what it makes, with an example
    ./run.sh --help    shows how to train a CTC baseline and GM-OT, and how to compare them"""


def write_recipe(directory: Path) -> None:
    """Copy the template, which is a recipe made of links in the checkout, as files that can be edited.

    Args:
        directory: the recipe's directory to make.

    Raises:
        InputError: it exists already, or cannot be written, or the installation lacks the template.
    """
    if directory.exists():
        raise InputError(f"{directory} exists already; name a directory that does not")
    sources = list(itertools.chain.from_iterable(map(TEMPLATE.glob, CONTENTS)))
    if not sources:
        raise InputError(f"the installation holds no template in {TEMPLATE}; install the package again")
    try:
        with write_dir_aside(directory) as aside:
            for source in sources:
                _copy(source, aside / source.relative_to(TEMPLATE))
    except OSError as error:
        raise InputError(f"{directory} cannot be written ({error}); name another place") from error


def _copy(source: Path, target: Path) -> None:
    """Copy a file without its mode, which a wheel need not keep; what starts with #! becomes executable."""
    target.parent.mkdir(exist_ok=True)
    content = source.read_bytes()
    target.write_bytes(content)
    if content.startswith(b"#!"):
        mode = target.stat().st_mode
        target.chmod(mode | (mode & 0o444) >> 2)  # for all who may read it


def main() -> None:
    """Parse, write, say what to do next."""
    parser = argparse.ArgumentParser(prog="new_recipe", description=__doc__)
    parser.add_argument("directory", type=Path, metavar="DIR", help="directory to make")
    directory = parser.parse_args().directory
    write_recipe(directory)
    print(WHAT_NEXT.format(directory=directory))


if __name__ == "__main__":
    run(main)
