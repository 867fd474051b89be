"""Stage 4: leave out utterances that are too short, too long, or without text."""

import argparse

from espnet_gmot.bin import _command
from espnet_gmot.data.audio import parse_rate
from espnet_gmot.driver.filter_data import filter_data_dir


def main() -> None:
    """Parse, call, print."""
    parser = argparse.ArgumentParser(prog="filter_data_dir", description=__doc__)
    parser.add_argument("--fs", default="16k", help="sampling rate")
    parser.add_argument("--min_wav_duration", type=float, default=0.1, help="seconds")
    parser.add_argument("--max_wav_duration", type=float, default=20.0, help="seconds")
    parser.add_argument("source", help="directory made by stage 3, e.g. dump/raw/org/train")
    parser.add_argument("target", help="directory to make, e.g. dump/raw/train")
    args = parser.parse_args()
    rate = parse_rate(args.fs)
    print(filter_data_dir(args.source, args.target, rate, args.min_wav_duration, args.max_wav_duration))


if __name__ == "__main__":
    _command.run(main)
