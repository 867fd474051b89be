"""Compute one job's share of what a stage spreads over a cluster; the stage writes SHARE and starts this."""

import argparse
from pathlib import Path

from espnet_gmot.bin import _command
from espnet_gmot.driver.job_workers import run_share


def main() -> None:
    """Parse and compute."""
    run_share(get_parser().parse_args().share)


def get_parser() -> argparse.ArgumentParser:
    """One argument."""
    parser = argparse.ArgumentParser(prog="run_share", description=__doc__)
    parser.add_argument("share", type=Path, metavar="SHARE", help="file that the stage wrote for this job")
    return parser


if __name__ == "__main__":
    _command.run(main)
