"""Measure a trained model's couplings of a set against the true character times; write them as JSON."""

import argparse
import json
from pathlib import Path

from espnet_gmot.bin import _command
from espnet_gmot.driver.training_yaml import CTC_CHECKPOINT
from espnet_gmot.files import write_text
from research.coupling_timing import measure_couplings


def add_set_options(parser: argparse.ArgumentParser) -> None:
    """Say which file of a model aligns which set."""
    parser.add_argument("--inference_asr_model", default=CTC_CHECKPOINT, help="file in each directory")
    parser.add_argument("--data", type=Path, required=True, help="Kaldi data directory, e.g. dump/raw/dev")
    parser.add_argument("--ctm", type=Path, required=True, help="true character times, e.g. data/dev/ctm")


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--experiment", required=True, help="directory of the model")
    parser.add_argument("--guide", help="directory of a GM-OT model whose objective a CTC model gets")
    add_set_options(parser)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    args = parser.parse_args()

    timing = measure_couplings(args.experiment, args.guide, args.inference_asr_model, args.data, args.ctm)
    write_text(args.out, json.dumps(timing.summary(), indent=1) + "\n")
    print(f"coupling against character times: {args.out}")


if __name__ == "__main__":
    _command.run(main)
