"""Check an installation: one line a part, and the command that cures what is broken."""

import argparse

from espnet_gmot.bin import _command
from espnet_gmot.driver.installation import PARTS, QUICK_PARTS, check_parts
from espnet_gmot.errors import InputError


def main() -> None:
    """Parse, check, print.

    Raises:
        InputError: a part cannot be used.
    """
    parser = argparse.ArgumentParser(prog="check_install", description=__doc__)
    parser.add_argument(
        "--quick", choices=("true", "false"), default="false",
        help="only what breaks before a recipe's first stage, and silent where nothing does",
    )  # fmt: skip
    quick = parser.parse_args().quick == "true"
    checked = check_parts(QUICK_PARTS if quick else PARTS)
    if not quick:
        for part in checked:
            print(f"{part.name:<13}{'BROKEN' if part.fault else 'ok':<8}{part.found or part.fault}")
    broken = [f"{part.name}: {part.fault}; to mend it: {part.cure}" for part in checked if part.fault]
    if broken:
        raise InputError("\n    ".join(["the installation is broken", *broken]))


if __name__ == "__main__":
    _command.run(main)
