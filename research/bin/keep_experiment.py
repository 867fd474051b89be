"""Keep the small files of a finished experiment: configuration, epochs, hypotheses, error counts, times."""

import argparse
from pathlib import Path

from espnet_gmot.bin import _command
from research.kept import keep_run


def main() -> None:
    """Parse, keep, say where."""
    parser = argparse.ArgumentParser(prog="keep_experiment", description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="directory of the protocol's results")
    parser.add_argument("--row", required=True, help="name of the row")
    parser.add_argument("--seed", type=int, required=True, help="of the training")
    parser.add_argument("--config", type=Path, required=True, help="its training YAML")
    parser.add_argument("--experiment", type=Path, required=True, help="directory of the model")
    parser.add_argument("--decode", required=True, help="name of the decoding directory in it")
    parser.add_argument("--sets", nargs="+", required=True, help="names of the decoded sets")
    args = parser.parse_args()
    keep_run(**vars(args))
    print(f"{args.row} seed {args.seed}: kept in {args.results}")


if __name__ == "__main__":
    _command.run(main)
