"""What GM-OT costs in training: time and peak memory of an optimiser step with and without it.

    python -m benchmarks.training_step

writes ``benchmarks/training_step.md``.
"""

import argparse
import multiprocessing
import shlex
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch

from benchmarks.training_step_measure import (
    MODELS,
    Result,
    Setting,
    count_parameters,
    peak_memory,
    profile_alignment,
    time_pairs,
)
from benchmarks.training_step_models import FULL, SMALL, Size
from benchmarks.training_step_page import page
from espnet_gmot.files import write_text

GPU_FACTOR = 10  # a GPU takes this many times the pairs: its steps are short


def main() -> None:
    args = get_parser().parse_args()
    size = SMALL if args.small else FULL
    multiprocessing.set_forkserver_preload(["espnet_gmot.task"])
    profile = alone(profile_alignment, size)  # first: what numba compiles here, the others load
    results = [measure(size, Setting("cpu"), args.pairs)]
    if torch.cuda.is_available():
        for setting in (Setting("cuda"), Setting("cuda", bfloat16=True)):
            results.append(measure(size, setting, GPU_FACTOR * args.pairs))
    command = shlex.join(["python", "-m", "benchmarks.training_step", *sys.argv[1:]])
    text = page(command, size, alone(count_parameters, size), results, profile)
    write_text(args.out, text)
    print(f"{args.out} written")


def get_parser() -> argparse.ArgumentParser:
    """Options of this command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=12, help="pairs of steps that are timed on the CPU")
    parser.add_argument("--small", action="store_true", help="tiny models, for the tests")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"), help="the page")
    return parser


def measure(size: Size, setting: Setting, pairs: int) -> Result:
    """Weigh each model, then time both."""
    peak = {model: alone(peak_memory, model, size, setting) for model in MODELS}
    return Result(setting, alone(time_pairs, size, setting, pairs), peak)


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call ``function`` in a new process, in which ESPnet is imported and nothing has run."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver")) as pool:
        return pool.submit(function, *arguments).result()


if __name__ == "__main__":
    main()
