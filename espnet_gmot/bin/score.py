"""Score a decoded set against its transcripts (stage 13)."""

import argparse
from pathlib import Path
from typing import get_args

from espnet2.utils.types import str2bool

from espnet_gmot.bin._command import run
from espnet_gmot.score.result_files import score_files
from espnet_gmot.score.units import Unit


def get_parser() -> argparse.ArgumentParser:
    """Options of this command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ref", type=Path, required=True, help="Kaldi text of the set")
    parser.add_argument("--hyp", type=Path, required=True, help="Kaldi text that decoding wrote")
    parser.add_argument("--utt2spk", type=Path, required=True, help="speaker of each utterance")
    parser.add_argument("--token_type", choices=get_args(Unit), default="char", help="unit to count")
    parser.add_argument(
        "--spaces",
        type=str2bool,
        default=False,
        help="count the space between two words as a character, as ESPnet does",
    )
    parser.add_argument(
        "--nlsyms_txt",
        type=Path,
        help="list of non-linguistic symbols, which are taken out before, as ESPnet does",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="directory for result.txt, .json, per_utt.txt"
    )
    return parser


def main() -> None:
    """Parse, score, report."""
    args = get_parser().parse_args()
    counts = score_files(
        args.ref, args.hyp, args.utt2spk, args.token_type, args.out, args.spaces, args.nlsyms_txt
    ).total
    print(f"{counts.err_rate:.2f} % errors in {counts.units} {args.token_type}s: {args.out / 'result.txt'}")


if __name__ == "__main__":
    run(main)
