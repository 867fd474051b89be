"""Make Kaldi data directories of speechocean762; download and unpack the corpus if need be."""

import argparse

from speechocean762.corpus import BASE_URL, prepare

from espnet_gmot.bin._command import run


def main() -> None:
    """Parse the options, prepare the corpus, print what it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--corpus", required=True, help="a copy, packed or unpacked, or a folder to download to (1.3 GB)"
    )
    parser.add_argument("--out", default="data", help="data directory to make (default: data)")
    parser.add_argument("--url", default=BASE_URL, help=f"mirror to download from (default: {BASE_URL})")
    args = parser.parse_args()
    print(prepare(args.corpus, args.out, args.url))
    print(f"speechocean762 in {args.out}")


if __name__ == "__main__":
    run(main)
