"""Print what a recipe must know of a training YAML, as lines NAME=VALUE for the shell."""

import argparse
from dataclasses import asdict

from espnet_gmot.bin import _command
from espnet_gmot.driver.training_yaml import read_training_yaml


def main() -> None:
    """Parse, call, print."""
    parser = argparse.ArgumentParser(prog="read_training_yaml", description=__doc__)
    parser.add_argument("yaml", help="e.g. conf/train_asr_ctc.yaml")
    for name, value in asdict(read_training_yaml(parser.parse_args().yaml)).items():
        print(f"{name}={value}")


if __name__ == "__main__":
    _command.run(main)
