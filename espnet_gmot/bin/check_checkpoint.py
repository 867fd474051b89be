"""Before a training starts: mend what a kill cut off, refuse a checkpoint of another vocabulary."""

import argparse
import sys

from espnet_gmot.bin import _command
from espnet_gmot.driver.checkpoint import (
    require_same_vocabulary,
    restore_last_epoch,
    set_damaged_aside,
)


def main() -> None:
    """Parse, call, print."""
    parser = argparse.ArgumentParser(prog="check_checkpoint", description=__doc__)
    parser.add_argument("checkpoint", help="e.g. exp/asr_train/checkpoint.pth")
    parser.add_argument("--token_list", required=True, help="tokens of the training that is to start")
    args = parser.parse_args()
    damaged = set_damaged_aside(args.checkpoint)
    if damaged:
        print(f"{args.checkpoint} was cut off and is now {damaged}; training begins anew", file=sys.stderr)
    require_same_vocabulary(args.checkpoint, args.token_list)
    restored = restore_last_epoch(args.checkpoint)
    if restored:
        print(
            f"{restored} was missing or cut off and is written again from {args.checkpoint}", file=sys.stderr
        )


if __name__ == "__main__":
    _command.run(main)
