"""Compare trained systems: print the table and write it, with more, as OUT.md and OUT.json."""

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path

from espnet_gmot.bin._command import run
from espnet_gmot.errors import InputError
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
        "directory; the baseline first. A SYSTEM given several times was trained with several seeds: its "
        "config.yaml say which, and it is compared over those that the baseline has too",
    )
    parser.add_argument(
        "--failed", action="append", default=[], metavar="SYSTEM", help="one whose last run failed"
    )
    parser.add_argument("--decode", required=True, help="name of the decoding directory in each EXPDIR")
    parser.add_argument("--sets", nargs="+", required=True, help="names of the decoded sets")
    parser.add_argument("--published", type=Path, help="tab-separated published figures to show beside them")
    parser.add_argument("--command", help="what makes a row that is missing, SYSTEM standing for its name")
    parser.add_argument(
        "--complete", choices=("true", "false"), default="false",
        help="whether a row that is missing is an error, once the page is written; --failed ones are known",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("exp/comparison"), help="path without suffix")
    return parser


def gather_seeds(
    experiments: Sequence[tuple[str, Path, str]], decode: str, failed: Collection[str]
) -> list[System]:
    """Make one system of all trainings under a name.

    Raises:
        InputError: they are decoded in different ways.
    """
    trainings: dict[str, list[tuple[Path, str]]] = {}
    for name, path, own_decode in experiments:
        trainings.setdefault(name, []).append((path, own_decode or decode))
    systems = []
    for name, found in trainings.items():
        paths, decodings = zip(*found, strict=True)
        if len(set(decodings)) > 1:
            raise InputError(
                f"system {name} is given {len(found)} times, with the decodings {', '.join(decodings)}; give "
                "each decoding a name of its own"
            )
        systems.append(System(name, paths[0], decodings[0], name in failed, paths[1:]))
    return systems


def main() -> None:
    """Parse, compare, write, print.

    Raises:
        InputError: the page lacks a row that it must have.
    """
    args = get_parser().parse_args()
    systems = gather_seeds(args.experiment, args.decode, args.failed)
    published = read_published(args.published) if args.published else None
    rows = compare(systems, args.sets, args.command)
    print(write_comparison(args.out, rows, published))
    print(f"comparison: {args.out}.md and {args.out}.json")
    missing = [f"{row.system.name} on {row.dataset}" for row in rows if row.not_run and not row.system.failed]
    if missing and args.complete == "true":
        raise InputError(f"{args.out}.md lacks {', '.join(missing)}, for the reasons that stand there")


if __name__ == "__main__":
    run(main)
