"""Stage 3: check the audio of a data directory and make one of plain files in one format."""

import argparse

from espnet_gmot.bin import _command
from espnet_gmot.data.audio import FORMATS, parse_rate
from espnet_gmot.driver.format_wav_scp import format_wav_scp


def main() -> None:
    """Parse, call, print."""
    parser = argparse.ArgumentParser(prog="format_wav_scp", description=__doc__)
    parser.add_argument("--nj", type=int, default=1, help="number of processes")
    parser.add_argument("--audio_format", choices=FORMATS, default="wav")
    parser.add_argument("--fs", default="16k", help="sampling rate the audio must have")
    parser.add_argument("source", help="data directory, e.g. data/train")
    parser.add_argument("target", help="directory to make, e.g. dump/raw/org/train")
    args = parser.parse_args()
    rate = parse_rate(args.fs)
    count = format_wav_scp(args.source, args.target, args.audio_format, rate, args.nj)
    print(f"{args.target}: {count} utterances at {rate} Hz")


if __name__ == "__main__":
    _command.run(main)
