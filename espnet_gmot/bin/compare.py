"""Compare trained systems: print the table and write it, with more, as OUT.md and OUT.json."""

import argparse
from pathlib import Path

from espnet_gmot.bin._command import run
from espnet_gmot.score.comparison import System, compare
from espnet_gmot.score.comparison_page import write_comparison
from espnet_gmot.score.published import read_published


def _experiment(text: str) -> tuple[str, Path, str]:
    system, equals, place = text.partition("=")
    path, _, decode = place.partition(":")
    if not (system and equals and path):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not SYSTEM=EXPDIR[:DECODE_DIR], e.g. train_ctc=exp/asr_train_ctc"
        )
    return system, Path(path), decode


def get_parser() -> argparse.ArgumentParser:
    """Options of this command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--experiment",
        type=_experiment,
        action="append",
        required=True,
        metavar="SYSTEM=EXPDIR[:DECODE_DIR]",
        help="a system, its experiment directory and, where it is not that of --decode, its decoding "
        "directory; give it once a system, the baseline first",
    )
    parser.add_argument(
        "--failed", action="append", default=[], metavar="SYSTEM", help="one whose last run failed"
    )
    parser.add_argument("--decode", required=True, help="name of the decoding directory in each EXPDIR")
    parser.add_argument("--sets", nargs="+", required=True, help="names of the decoded sets")
    parser.add_argument("--published", type=Path, help="tab-separated published figures to show beside them")
    parser.add_argument("--command", help="what makes a row that is missing, SYSTEM standing for its name")
    parser.add_argument("--out", type=Path, default=Path("exp/comparison"), help="path without suffix")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    systems = [
        System(name, path, decode or args.decode, failed=name in args.failed)
        for name, path, decode in args.experiment
    ]
    published = read_published(args.published) if args.published else None
    print(write_comparison(args.out, compare(systems, args.sets, args.command), published))
    print(f"comparison: {args.out}.md and {args.out}.json")


if __name__ == "__main__":
    run(main)
