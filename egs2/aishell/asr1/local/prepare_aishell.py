"""Make Kaldi data directories of AISHELL-1; download and unpack the corpus if need be."""

import argparse

from aishell.corpus import prepare
from aishell.download import BASE_URL

from espnet_gmot.bin._command import run
from espnet_gmot.driver.jobs import usable_cpus


def main() -> None:
    """Parse the options, prepare the corpus, print what it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--aishell", required=True, help="a copy, packed or unpacked, or a folder to download to (52 GB)"
    )
    parser.add_argument("--out", default="data", help="data directory to make (default: data)")
    parser.add_argument("--nj", type=int, default=usable_cpus(), help="processes (default: one a CPU)")
    parser.add_argument("--url", default=BASE_URL, help=f"mirror to download from (default: {BASE_URL})")
    args = parser.parse_args()
    print(prepare(args.aishell, args.out, args.nj, args.url))
    print(f"AISHELL-1 in {args.out}")


if __name__ == "__main__":
    run(main)
