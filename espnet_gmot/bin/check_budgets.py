"""Refuse training YAMLs whose epochs, batches or optimisers differ."""

import argparse

from espnet_gmot.bin import _command
from espnet_gmot.driver.training_yaml import require_equal_budgets


def main() -> None:
    """Parse and call."""
    parser = argparse.ArgumentParser(prog="check_budgets", description=__doc__)
    parser.add_argument("yaml", nargs="+", help="training YAMLs, e.g. conf/train_asr_*.yaml")
    require_equal_budgets(parser.parse_args().yaml)


if __name__ == "__main__":
    _command.run(main)
