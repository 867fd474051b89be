"""Split a table over jobs, and print how many parts there are."""

import argparse

from espnet_gmot.bin import _command
from espnet_gmot.driver.split_merge import split_scp


def main() -> None:
    """Parse, call, print."""
    parser = argparse.ArgumentParser(prog="split_scp", description=__doc__)
    parser.add_argument("--nj", type=int, required=True, help="parts wanted")
    parser.add_argument("scp", help="table to split, e.g. dump/raw/train/wav.scp")
    parser.add_argument("pattern", help="name of the parts, JOB for the number, e.g. logdir/train.JOB.scp")
    args = parser.parse_args()
    print(split_scp(args.scp, args.pattern, args.nj))


if __name__ == "__main__":
    _command.run(main)
