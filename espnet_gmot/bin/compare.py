"""Compare trained systems: print the table and write it as OUT.md and OUT.json."""

import argparse
from pathlib import Path

from espnet_gmot.bin._command import run
from espnet_gmot.report.comparison import compare, write_comparison


def _experiment(text: str) -> tuple[str, Path]:
    system, equals, path = text.partition("=")
    if not (system and equals and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not SYSTEM=EXPDIR, e.g. train_ctc=exp/asr_train_ctc")
    return system, Path(path)


def get_parser() -> argparse.ArgumentParser:
    """Options of this command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--experiment",
        type=_experiment,
        action="append",
        required=True,
        metavar="SYSTEM=EXPDIR",
        help="a system and its experiment directory; give it once a system, the baseline first",
    )
    parser.add_argument("--decode", required=True, help="name of the decoding directory in each EXPDIR")
    parser.add_argument("--sets", nargs="+", required=True, help="names of the decoded sets")
    parser.add_argument("--out", type=Path, default=Path("exp/comparison"), help="path without suffix")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    print(write_comparison(args.out, compare(args.experiment, args.decode, args.sets)))
    print(f"comparison: {args.out}.md and {args.out}.json")


if __name__ == "__main__":
    run(main)
