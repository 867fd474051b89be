"""Stage 5, token type bpe: train sentencepiece and write the token list."""

import argparse

from espnet_gmot.bin import _command
from espnet_gmot.driver.bpe import MODES, train_bpe


def main() -> None:
    """Parse, call, print."""
    parser = argparse.ArgumentParser(prog="train_bpe", description=__doc__)
    parser.add_argument("--text", required=True, help="transcripts to train on")
    parser.add_argument("--out", required=True, help="directory for bpe.model and tokens.txt")
    parser.add_argument("--nbpe", type=int, required=True, help="vocabulary size")
    parser.add_argument("--bpemode", choices=MODES, default="unigram")
    parser.add_argument("--bpe_nlsyms", default="", help="symbols never split, separated by commas")
    parser.add_argument("--bpe_char_cover", type=float, default=1.0, help="share of characters covered")
    parser.add_argument("--bpe_input_sentence_size", type=int, default=100_000_000)
    args = parser.parse_args()
    tokens = train_bpe(
        args.text,
        args.out,
        args.nbpe,
        args.bpemode,
        args.bpe_nlsyms,
        args.bpe_char_cover,
        args.bpe_input_sentence_size,
    )
    print(f"token list: {tokens}")


if __name__ == "__main__":
    _command.run(main)
