"""Measure how much of a teacher's context a linear map finds in a trained encoder; write it as JSON."""

import argparse
import json
from pathlib import Path

from espnet_gmot.bin import _command
from espnet_gmot.driver.training_yaml import CTC_CHECKPOINT
from espnet_gmot.files import write_text
from research.context_probe import probe_encoder


def main() -> None:
    """Parse, probe, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--experiment", required=True, help="directory of the model")
    parser.add_argument("--inference_asr_model", default=CTC_CHECKPOINT, help="file in it")
    parser.add_argument("--teacher_cache", required=True, help="cache with the transcripts of both sets")
    for name, what in (("train", "to fit the map on"), ("test", "to measure on")):
        parser.add_argument(f"--{name}_data", type=Path, required=True, help=f"data directory {what}")
        parser.add_argument(f"--{name}_ctm", type=Path, required=True, help="its true character times")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    args = parser.parse_args()

    sets = [(args.train_data, args.train_ctm), (args.test_data, args.test_ctm)]
    found = probe_encoder(args.experiment, args.inference_asr_model, args.teacher_cache, sets)
    write_text(args.out, json.dumps(found, indent=1) + "\n")
    print(f"the teacher's context in the encoder: {args.out}")


if __name__ == "__main__":
    _command.run(main)
