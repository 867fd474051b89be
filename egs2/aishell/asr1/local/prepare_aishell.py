"""Make Kaldi data directories of AISHELL-1; download and unpack the corpus if need be."""

import argparse

from aishell.corpus import BASE_URL, prepare, prepare_sample

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
    parser.add_argument(
        "--preset", choices=("full", "sample"), default="full",
        help="sample: --aishell is a small corpus in AISHELL-1's layout; its sets get names of their own",
    )  # fmt: skip
    args = parser.parse_args()
    if args.preset == "sample":
        print(prepare_sample(args.aishell, args.out))
        return
    print(prepare(args.aishell, args.out, args.nj, args.url))
    print(f"AISHELL-1 in {args.out}")


if __name__ == "__main__":
    run(main)
