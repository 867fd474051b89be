"""Make a small corpus in AISHELL-1's layout for --preset sample, of two downloads (README.md says which)."""

import argparse
from pathlib import Path

from aishell.sample import make_sample

from espnet_gmot.bin._command import run
from espnet_gmot.driver.jobs import usable_cpus


def main() -> None:
    """Parse the options, make the corpus, say where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=Path, required=True, help="AISHELL-1's official sample, unpacked")
    parser.add_argument("--words", type=Path, required=True, help="64k/hsk of github.com/hugolpz/audio-cmn")
    parser.add_argument("--out", type=Path, default=Path("downloads/sample"), help="default: %(default)s")
    parser.add_argument("--nj", type=int, default=usable_cpus(), help="processes (default: one a CPU)")
    args = parser.parse_args()
    print(make_sample(args.sample, args.words, args.out, args.nj))


if __name__ == "__main__":
    run(main)
