"""Write the page of results: environment, and each experiment's config, error rates and commands."""

import argparse
from pathlib import Path

from espnet_gmot.bin._command import run
from espnet_gmot.score.results_page import write_results_page


def get_parser() -> argparse.ArgumentParser:
    """Options of this command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--expdir", type=Path, default=Path("exp"), help="directory of the experiments")
    parser.add_argument("--out", type=Path, default=Path("exp/RESULTS.md"), help="the page")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    write_results_page(args.expdir, args.out)
    print(f"results page: {args.out}")


if __name__ == "__main__":
    run(main)
