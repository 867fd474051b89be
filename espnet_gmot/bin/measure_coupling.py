"""Measure whether a trained model's couplings lie where the characters are spoken; write it as JSON."""

import argparse
import json
import logging
from pathlib import Path

from espnet_gmot.bin import _command
from espnet_gmot.driver.training_yaml import CTC_CHECKPOINT
from espnet_gmot.files import write_text
from espnet_gmot.trained.character_spans import Spans, true_spans
from espnet_gmot.trained.coupling_timing import measure_couplings
from espnet_gmot.trained.ctc_spans import ctc_spans

TOLD = """\
{tokens} tokens of {utterances} utterances: of a token's mass lie
{inside_own_span:4.0%} where it is spoken
{inside_span_before:4.0%} where the token before it is spoken
{inside_span_after:4.0%} where the token after it is spoken
{inside_own_span_by_chance:4.0%} would lie where it is spoken, if mass were spread evenly"""
ASTRAY = (
    "the coupling does not lie where the characters are spoken, but on their neighbours' frames or on any: "
    "the encoder is pulled toward the wrong tokens; docs/training.md says what may help"
)


def add_set_options(parser: argparse.ArgumentParser) -> None:
    """Say which file of a model aligns which set, and who tells the times of its characters."""
    parser.add_argument("--inference_asr_model", default=CTC_CHECKPOINT, help="file in each directory")
    parser.add_argument("--data", type=Path, required=True, help="Kaldi data directory, e.g. dump/raw/dev")
    times = parser.add_mutually_exclusive_group()
    times.add_argument("--ctm", type=Path, help="true times of the characters, e.g. data/dev/ctm")
    times.add_argument(
        "--times_of",
        help="directory of a model whose CTC tells the times, by its best path through the transcript; "
        "without both options the model that is measured",
    )


def spans_of_set(args: argparse.Namespace, experiment: str | Path) -> Spans:
    """Take the times that these options name, or those of the CTC of the model in ``experiment``."""
    if args.ctm:
        return true_spans(args.ctm)
    return ctc_spans(args.times_of or experiment, args.inference_asr_model)


def main() -> None:
    """Parse, measure, write, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--experiment", required=True, help="directory of the model")
    parser.add_argument("--guide", help="directory of a GM-OT model whose objective a CTC model gets")
    add_set_options(parser)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    args = parser.parse_args()

    spans = spans_of_set(args, args.experiment)
    timing = measure_couplings(args.experiment, args.guide, args.inference_asr_model, args.data, spans)
    found = timing.summary()
    record = found | {"by_ctc": args.ctm is None}
    write_text(args.out, json.dumps(record, indent=1) + "\n")
    print(TOLD.format_map(found))
    if timing.is_astray:
        logging.warning("%s: %s", args.experiment, ASTRAY)
    print(f"result: {args.out}")


if __name__ == "__main__":
    _command.run(main)
