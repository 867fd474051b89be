"""Stage 2: make a data directory with speed-perturbed copies of another."""

import argparse

from espnet_gmot.bin import _command
from espnet_gmot.data.audio import FORMATS
from espnet_gmot.driver.speed_perturb import perturb_speed


def main() -> None:
    """Parse, call, print."""
    parser = argparse.ArgumentParser(prog="perturb_speed", description=__doc__)
    parser.add_argument("--nj", type=int, default=1, help="number of processes")
    parser.add_argument("--audio_format", choices=FORMATS, default="wav")
    parser.add_argument("--factors", required=True, help='speeds in quotes, e.g. "0.9 1.0 1.1"')
    parser.add_argument("source", help="data directory, e.g. data/train")
    parser.add_argument("target", help="directory to make, e.g. data/train_sp")
    args = parser.parse_args()
    count = perturb_speed(args.source, args.target, args.factors.split(), args.audio_format, args.nj)
    print(f"{args.target}: {count} utterances at speeds {args.factors}")


if __name__ == "__main__":
    _command.run(main)
