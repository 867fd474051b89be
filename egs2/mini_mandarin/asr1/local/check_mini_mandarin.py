"""Prove that train, dev, test and the teacher's text of mini_mandarin are disjoint."""

import argparse

from mini_mandarin.disjoint import check_disjoint

from espnet_gmot.bin._command import run


def main() -> None:
    """Parse the options, check, print the proof."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="data", help="data directory (default: data)")
    print(check_disjoint(parser.parse_args().data))


if __name__ == "__main__":
    run(main)
