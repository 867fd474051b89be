"""Stage 13, token type bpe: write transcripts as bpe pieces, for the token error rate."""

import argparse

from espnet_gmot.bin import _command
from espnet_gmot.driver.bpe import encode_bpe


def main() -> None:
    """Parse and call."""
    parser = argparse.ArgumentParser(prog="encode_bpe", description=__doc__)
    parser.add_argument("model", help="bpe.model of stage 5")
    parser.add_argument("text", help="table of transcripts")
    parser.add_argument("target", help="table to write")
    args = parser.parse_args()
    encode_bpe(args.model, args.text, args.target)


if __name__ == "__main__":
    _command.run(main)
