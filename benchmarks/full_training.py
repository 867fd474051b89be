"""A hundred optimiser steps of the full preset's YAMLs, and what they would take on AISHELL-1.

    python -m benchmarks.full_training --gpu_only FILE
    python -m benchmarks.full_training --gpu_rows FILE

The second writes a section of ``benchmarks/training_step.md``. There are no CPU rows, for a step takes too
long there.
"""

import argparse
import functools
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
import yaml
from espnet2.schedulers.warmup_lr import WarmupLR
from torch import nn

from benchmarks import gpu_rows
from benchmarks.machine import begin_gpu_peak
from benchmarks.page import grid
from benchmarks.training_step_measure import Setting, Training
from benchmarks.training_step_models import (
    CHARACTERS_A_SECOND,
    FULL,
    MEAN_SECONDS,
    SAMPLE_RATE,
    SMALL,
    Size,
)
from espnet_gmot.bin._command import run
from espnet_gmot.errors import InputError
from espnet_gmot.task import GMOTTask

ROOT = Path(__file__).parents[1]
YAMLS = {name: ROOT / f"conf/mini_mandarin/train_{name}_full.yaml" for name in ("ctc", "gmot")}
AISHELL_TRAIN = 120_098  # utterances; Bu et al., "AISHELL-1", 2017
SPEEDS = 3  # of egs2/aishell: 0.9, 1.0, 1.1
HEADER = [
    "YAML",
    "device",
    "utterances a step",
    "steps",
    "steps a second",
    "peak, MiB",
    "loss, first and last",
]
HEADER += ["epochs", "hours on AISHELL-1", f"with {SPEEDS} speeds"]
TEXT = """\
Steps of `conf/mini_mandarin/train_*_full.yaml`, with the YAML's own optimiser, schedule and precision, on one
batch of noise as large as the YAML's `batch_bins` lets AISHELL's utterances be; the projection is a random
one. Steps a second: of the median step. The hours count steps alone, for all epochs of the YAML."""


class Row(NamedTuple):
    """What the steps of one YAML showed.

    Attributes:
        name: of the YAML.
        device: ``cpu`` or ``cuda``.
        utterances: in a batch.
        seconds: of each step but the first.
        losses: of each step.
        peak: bytes of torch's tensors on the GPU, 0 on the CPU.
        epochs: of the YAML.
    """

    name: str
    device: str
    utterances: int
    seconds: list[float]
    losses: list[float]
    peak: int
    epochs: int

    def hours(self) -> float:
        """What all epochs take on AISHELL-1."""
        return self.epochs * AISHELL_TRAIN / self.utterances * median(self.seconds) / 3600


class YamlTraining(Training):
    """A training as its YAML says, but for what needs a corpus: tokens, statistics, the projection's file."""

    def build(self, model: str, size: Size) -> nn.Module:
        """Build the YAML's model."""
        self.args = args = GMOTTask.get_parser().parse_args(["--config", str(YAMLS[model])])
        args.token_list = ["<blank>", "<unk>", *map(str, range(size.vocabulary - 3)), "<sos/eos>"]
        args.normalize = "utterance_mvn"
        args.encoder_conf |= size.encoder
        if model == "gmot":
            args.model_conf |= {"projection": "random"}
        torch.manual_seed(0)
        return GMOTTask.build_model(args).train()

    def build_optimiser(self) -> torch.optim.Optimizer:
        """Build the YAML's optimiser and its schedule."""
        (optimiser,) = GMOTTask.build_optimizers(self.args, self.model)
        self.schedule = WarmupLR(optimiser, **self.args.scheduler_conf)
        return optimiser

    def step(self, seed: int) -> float:
        """As the other trainings' steps, and the learning rate follows."""
        seconds = super().step(seed)
        self.schedule.step()
        return seconds


def main() -> None:
    args = get_parser().parse_args()
    measure = functools.partial(measure_all, SMALL if args.small else None, "cuda", args.steps)
    if not gpu_rows.served(args, "full_training", args.out, measure, with_gpu_rows):
        raise InputError("give --gpu_only or --gpu_rows")


def get_parser() -> argparse.ArgumentParser:
    """Options of this command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100, help="optimiser steps of each YAML")
    parser.add_argument("--small", action="store_true", help="tiny models, for the tests")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).with_name("training_step.md"), help="the page"
    )
    gpu_rows.add_options(parser)
    return parser


def measure_all(size: Size | None, device: str, steps: int) -> list[dict[str, Any]]:
    """Train each YAML for some steps; ``size`` None is the YAML's own."""
    return [measure(name, size, device, steps)._asdict() for name in YAMLS]


def measure(name: str, size: Size | None, device: str, steps: int) -> Row:
    """Train one YAML; a loss or gradient that is not finite ends it."""
    given = yaml.safe_load(YAMLS[name].read_text(encoding="utf-8"))
    size = size or Size({}, FULL.vocabulary, utterances_a_batch(given["batch_bins"], FULL.vocabulary))
    if device == "cuda":
        begin_gpu_peak()
    training = YamlTraining(name, size, Setting(device, bool(given.get("use_amp"))))
    seconds, losses = [], []
    for seed in range(steps):
        seconds.append(training.step(seed))
        losses.append(float(training.loss))
    if not torch.tensor(losses).isfinite().all():
        raise FloatingPointError(f"{name}: losses {losses}")
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else 0
    return Row(name, device, size.utterances, seconds[1:], losses, peak, given["max_epoch"])


def utterances_a_batch(batch_bins: int, vocabulary: int) -> int:
    """How many utterances of AISHELL's mean length ESPnet's ``numel`` batches hold."""
    samples, characters = MEAN_SECONDS * SAMPLE_RATE, MEAN_SECONDS * CHARACTERS_A_SECOND
    return int(batch_bins / (samples + characters * vocabulary))


def with_gpu_rows(text: str, kept: gpu_rows.Kept) -> str:
    """Write kept rows into the page."""
    rows = grid(HEADER, [cells(Row(**row)) for row in kept.rows])
    return gpu_rows.with_section(
        text, gpu_rows.FULL_TRAINING, f"{TEXT}\n\n{rows}\n\n{gpu_rows.provenance(kept)}"
    )


def cells(row: Row) -> list[str]:
    return [
        f"`train_{row.name}_full.yaml`",
        row.device.upper(),
        str(row.utterances),
        str(len(row.losses)),
        f"{1 / median(row.seconds):.2f}",
        f"{row.peak / 2**20:.0f}",
        f"{row.losses[0]:.1f}, {row.losses[-1]:.1f}",
        str(row.epochs),
        f"{row.hours():.1f}",
        f"{SPEEDS * row.hours():.1f}",
    ]


if __name__ == "__main__":
    run(main)
