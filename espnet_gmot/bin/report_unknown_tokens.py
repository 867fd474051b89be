"""Stage 5: report which tokens of the transcripts the token list lacks."""

import argparse

from espnet_gmot.bin._command import run
from espnet_gmot.driver.unknown_tokens import find_unknown_tokens


def _or_none(name: str) -> str | None:
    return None if name == "none" else name


def main() -> None:
    """Parse, look up, print a line a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--token_list", required=True, help="tokens.txt")
    parser.add_argument("--token_type", required=True, help="char, word, bpe or hugging_face")
    parser.add_argument("--bpemodel", type=_or_none, default=None, help="model of bpe or hugging_face tokens")
    parser.add_argument("--cleaner", type=_or_none, default=None, help="text cleaner")
    parser.add_argument("--non_linguistic_symbols", type=_or_none, default=None, help="list of such symbols")
    parser.add_argument("text", nargs="+", help="Kaldi text files: utterance id, transcript")
    args = parser.parse_args()
    options = vars(args)
    for text in options.pop("text"):
        print(find_unknown_tokens(text, **options))


if __name__ == "__main__":
    run(main)
