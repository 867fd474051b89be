"""Show on the terminal how a training goes that writes to a log, until its process ends."""

import argparse
from pathlib import Path

from espnet_gmot.bin import _command
from espnet_gmot.recipe.training_log import is_gone, watch_training


def main() -> None:
    """Parse and call."""
    parser = argparse.ArgumentParser(prog="watch_training", description=__doc__)
    parser.add_argument("--log", type=Path, required=True, help="ESPnet's train.log")
    parser.add_argument("--pid", type=int, required=True, help="process to wait for")
    args = parser.parse_args()
    watch_training(args.log, lambda: is_gone(args.pid))


if __name__ == "__main__":
    _command.run(main)
