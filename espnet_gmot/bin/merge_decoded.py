"""Stage 12: put the hypotheses of all decoding jobs together."""

import argparse

from espnet_gmot.bin import _command
from espnet_gmot.driver.split_merge import merge_decoded


def main() -> None:
    """Parse, call, print."""
    parser = argparse.ArgumentParser(prog="merge_decoded", description=__doc__)
    parser.add_argument("--nj", type=int, required=True, help="number of jobs")
    parser.add_argument("pattern", help="output directory of the jobs, e.g. logdir/output.JOB")
    parser.add_argument("directory", help="where text, token, token_int and score go")
    args = parser.parse_args()
    count = merge_decoded(args.pattern, args.nj, args.directory)
    print(f"{args.directory}/text: {count} utterances")


if __name__ == "__main__":
    _command.run(main)
