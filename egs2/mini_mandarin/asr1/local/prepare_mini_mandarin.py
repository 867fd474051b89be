"""Make the mini_mandarin corpus: Kaldi data directories and the teacher's text."""

import argparse

from mini_mandarin.corpus import prepare
from mini_mandarin.presets import PRESETS

from espnet_gmot.bin._command import run


def main() -> None:
    """Parse the options, make the corpus, print what it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, default="demo", help="size of the corpus")
    parser.add_argument("--out", default="data", help="data directory to make (default: data)")
    parser.add_argument("--seed", type=int, default=0, help="what is drawn depends on it (default: 0)")
    parser.add_argument("--nj", type=int, default=2, help="processes (default: 2)")
    args = parser.parse_args()
    print(prepare(PRESETS[args.preset], args.out, args.seed, args.nj))
    print(f"corpus in {args.out}")


if __name__ == "__main__":
    run(main)
