"""Measure a trained encoder's couplings under many options against the characters' times; write a page."""

import argparse
from functools import partial
from pathlib import Path

from espnet_gmot.bin import _command
from espnet_gmot.bin.measure_coupling import add_set_options, spans_of_set
from research.screening import read_variants, screen, write_screening_page


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--experiment", type=Path, nargs="+", required=True, help="directories of GM-OT models"
    )
    add_set_options(parser)
    parser.add_argument("--variants", type=Path, required=True, help="YAML: name: {option: value}")
    parser.add_argument("--out", type=Path, required=True, help="page to write")
    args = parser.parse_args()

    variants = read_variants(args.variants)
    spans_of = partial(spans_of_set, args)
    found = screen(args.experiment, args.inference_asr_model, args.data, spans_of, variants)
    write_screening_page(args.out, args.experiment, variants, found)
    print(args.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    _command.run(main)
