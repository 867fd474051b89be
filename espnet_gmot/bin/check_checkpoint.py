"""Stage 11: set a checkpoint aside that was cut off by a kill, so that training can start again."""

import argparse
import sys

from espnet_gmot.bin import _command
from espnet_gmot.recipe.checkpoint import set_damaged_aside


def main() -> None:
    """Parse, call, print."""
    parser = argparse.ArgumentParser(prog="check_checkpoint", description=__doc__)
    parser.add_argument("checkpoint", help="e.g. exp/asr_train/checkpoint.pth")
    args = parser.parse_args()
    damaged = set_damaged_aside(args.checkpoint)
    if damaged:
        print(f"{args.checkpoint} was cut off and is now {damaged}; training begins anew", file=sys.stderr)


if __name__ == "__main__":
    _command.run(main)
