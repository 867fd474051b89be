"""Show on the terminal how trainings go that write to logs, until their processes end."""

import argparse
from pathlib import Path

from espnet_gmot.bin import _command
from espnet_gmot.driver.training_log import is_gone, watch_trainings


def main() -> None:
    """Parse and call."""
    parser = argparse.ArgumentParser(prog="watch_training", description=__doc__)
    parser.add_argument("--log", type=Path, nargs="+", required=True, help="ESPnet's train.log of each")
    parser.add_argument("--pid", type=int, nargs="+", required=True, help="processes to wait for")
    args = parser.parse_args()
    watch_trainings(args.log, lambda: all(is_gone(pid) for pid in args.pid))


if __name__ == "__main__":
    _command.run(main)
