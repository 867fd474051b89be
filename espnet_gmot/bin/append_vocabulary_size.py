"""Stage 10: append the vocabulary size to the text lengths in a shape file."""

import argparse

from espnet_gmot.bin import _command
from espnet_gmot.driver.split_merge import append_vocabulary_size


def main() -> None:
    """Parse and call."""
    parser = argparse.ArgumentParser(prog="append_vocabulary_size", description=__doc__)
    parser.add_argument("--token_list", required=True)
    parser.add_argument("shape", help="e.g. exp/asr_stats_raw_zh_char/train/text_shape")
    parser.add_argument("target", help="e.g. exp/asr_stats_raw_zh_char/train/text_shape.char")
    args = parser.parse_args()
    append_vocabulary_size(args.shape, args.token_list, args.target)


if __name__ == "__main__":
    _command.run(main)
