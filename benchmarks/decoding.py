"""Real-time factor of best-path decoding, and of what ESPnet offers for the same.

    python -m benchmarks.decoding

writes ``benchmarks/decoding.md``.
"""

import argparse
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import gpu_rows
from benchmarks.decoding_contenders import OURS, make_contenders, reference
from benchmarks.decoding_measure import Row, measure, profile
from benchmarks.decoding_model import make_speech, write_model
from benchmarks.decoding_page import page, rows_to_json, with_gpu_rows
from benchmarks.training_step_models import FULL, SMALL, Size
from espnet_gmot.bin._command import run
from espnet_gmot.decoding.decoder import BATCH_SIZE

CALIBRATION = 8  # utterances that the blank's bias is set on


def main() -> None:
    args = get_parser().parse_args()
    size = SMALL if args.small else FULL
    speech = make_speech(args.utterances)

    def measure_on(*devices: str) -> list[Row]:
        return decode(size, speech, devices, args.rounds, args.beam_utterances)

    def measure_gpu() -> list[dict[str, Any]]:
        return rows_to_json(measure_on("cuda"))

    if gpu_rows.served(args, "decoding", args.out, measure_gpu, with_gpu_rows):
        return
    rows = measure_on("cpu", *["cuda"] * torch.cuda.is_available())
    ours = (row.contender for row in rows if row.contender.name == OURS)
    shares = profile(next(who for who in ours if who.batch_size == BATCH_SIZE), speech)
    command = shlex.join(["python", "-m", "benchmarks.decoding", *sys.argv[1:]])
    gpu_rows.write_page(args.out, page(command, size, len(speech), rows, shares))
    print(f"{args.out} written")


def decode(
    size: Size, speech: Sequence[Tensor], devices: Sequence[str], rounds: int, beam_utterances: int
) -> list[Row]:
    """Let all contenders decode on each device; what they find is compared with the CPU's, so TF32 is off."""
    torch.backends.cudnn.allow_tf32 = False
    with tempfile.TemporaryDirectory() as directory:
        model = write_model(Path(directory), size, speech[:CALIBRATION])
        expected = reference(*model, speech)
        return [
            row
            for device in devices
            for row in measure(make_contenders(*model, device), speech, expected, rounds, beam_utterances)
        ]


def get_parser() -> argparse.ArgumentParser:
    """Options of this command."""
    parser = decoding_parser(__doc__, utterances=128, page=Path(__file__).with_suffix(".md"))
    gpu_rows.add_options(parser)
    return parser


def decoding_parser(doc: str, utterances: int, page: Path) -> argparse.ArgumentParser:
    """Options of a benchmark that times decoders: its docstring, and what differs in the defaults."""
    parser = argparse.ArgumentParser(
        description=doc.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--utterances", type=int, default=utterances, help="utterances decoded in a round")
    parser.add_argument("--rounds", type=int, default=7, help="timed rounds, after one that warms up")
    parser.add_argument("--beam_utterances", type=int, default=8, help="utterances that beam searches decode")
    parser.add_argument("--small", action="store_true", help="a tiny model, for the tests")
    parser.add_argument("--out", type=Path, default=page, help="the page")
    return parser


if __name__ == "__main__":
    run(main)
