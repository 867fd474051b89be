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

from benchmarks import gpu_rows
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
from benchmarks.training_step_page import page, results_to_json, with_gpu_rows
from espnet_gmot.bin._command import run

# ESPnet asks for the GPU when it is imported; CUDA that has begun does not outlive a fork.
START = "spawn" if torch.cuda.is_available() else "forkserver"
GPU_FACTOR = 10  # a GPU takes this many times the pairs: its steps are short


def main() -> None:
    args = get_parser().parse_args()
    size = SMALL if args.small else FULL
    multiprocessing.set_forkserver_preload(["espnet_gmot.task"])

    def measure_gpu() -> list[dict[str, Any]]:
        return results_to_json(measure_on_gpu(size, args.pairs))

    if gpu_rows.served(args, "training_step", args.out, measure_gpu, with_gpu_rows):
        return
    profile = alone(profile_alignment, size)  # first: what numba compiles here, the others load
    results = [measure(size, Setting("cpu"), args.pairs)]
    if torch.cuda.is_available():
        results += measure_on_gpu(size, args.pairs)
    command = shlex.join(["python", "-m", "benchmarks.training_step", *sys.argv[1:]])
    text = page(command, size, alone(count_parameters, size), results, profile)
    gpu_rows.write_page(args.out, text)
    print(f"{args.out} written")


def get_parser() -> argparse.ArgumentParser:
    """Options of this command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=12, help="pairs of steps that are timed on the CPU")
    parser.add_argument("--small", action="store_true", help="tiny models, for the tests")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"), help="the page")
    gpu_rows.add_options(parser)
    return parser


def measure_on_gpu(size: Size, pairs: int) -> list[Result]:
    """Measure in float32 and in bfloat16; ``pairs`` as on the CPU."""
    settings = (Setting("cuda"), Setting("cuda", bfloat16=True))
    return [measure(size, setting, GPU_FACTOR * pairs) for setting in settings]


def measure(size: Size, setting: Setting, pairs: int) -> Result:
    """Weigh each model, then time both; on a GPU here, for torch tells apart what its tensors take there."""
    call = alone if setting.device == "cpu" else _here
    peak = {model: call(peak_memory, model, size, setting) for model in MODELS}
    return Result(setting, call(time_pairs, size, setting, pairs), peak)


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call ``function`` in a new process, in which ESPnet is imported and nothing has run."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(START)) as pool:
        return pool.submit(function, *arguments).result()


def _here(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


if __name__ == "__main__":
    run(main)
