"""Print a short text that changes with a training's configuration and teachers, or its front end alone."""

import argparse

from espnet_gmot.bin import _command
from espnet_gmot.driver.training_inputs import front_end_key, training_key, with_arguments
from espnet_gmot.driver.training_yaml import load_training_yaml

KEYS = {"front_end": front_end_key, "training": training_key}


def main() -> None:
    """Parse, call, print."""
    parser = argparse.ArgumentParser(prog="training_inputs", description=__doc__)
    parser.add_argument("key", choices=KEYS, help="of what")
    parser.add_argument("yaml", help="e.g. conf/train_asr_ctc.yaml")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="ESPnet's, that come after the YAML")
    args = parser.parse_args()
    print(KEYS[args.key](with_arguments(load_training_yaml(args.yaml), args.arguments)))


if __name__ == "__main__":
    _command.run(main)
