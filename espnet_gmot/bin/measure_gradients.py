"""Compare the pull of recognition and of the alignment's terms at a trained encoder, to choose weights."""

import argparse
import json
from pathlib import Path

from espnet_gmot.bin import _command
from espnet_gmot.driver.training_yaml import CTC_CHECKPOINT
from espnet_gmot.files import write_text
from espnet_gmot.trained.gradients import measure_gradients


def main() -> None:
    """Parse, measure, write, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--experiment", required=True, help="directory of a GM-OT model")
    parser.add_argument("--inference_asr_model", default=CTC_CHECKPOINT, help="file in it")
    parser.add_argument("--num_batches", type=int, default=20, help="training batches to measure on")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    args = parser.parse_args()

    found = measure_gradients(args.experiment, args.inference_asr_model, args.num_batches)
    write_text(args.out, json.dumps(found, indent=1) + "\n")
    cosine = found.pop("cosine")
    for name, size in found.items():
        print(f"{name}: gradient {size['norm']:.2f}, of it the same in all batches {size['signal']:.2f}")
    for pair in ("asr, alignment", "node, edge"):
        print(f"cosine of {pair}: {cosine[pair]:.2f}")
    print(f"result: {args.out}")


if __name__ == "__main__":
    _command.run(main)
