"""Time and peak memory of optimiser steps, and what the alignment takes of them."""

import cProfile
import ctypes
import pstats
import re
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import torch
from espnet2.torch_utils.device_funcs import to_device
from torch import nn
from tqdm import tqdm

import espnet_gmot
from benchmarks.machine import begin_gpu_peak
from benchmarks.training_step_models import Size, build_model, make_batch

MODELS = ("espnet", "gmot")
GRAD_CLIP = 5.0
# The recipe's 1e-3 is reached after 35,000 steps; so early in its warm-up the rate is near 0.
OPTIMISER = {"lr": 1e-7, "weight_decay": 1e-6}
MEMORY_STEPS = 2  # in the second the optimiser's state is there
PROFILE_STEPS = 3
# Of glibc's mallopt. Blocks above the threshold go back to the system when they are freed. Left to itself,
# the threshold moves, and the peak of the same model differs by a tenth between runs.
M_MMAP_THRESHOLD = -3
MMAP_THRESHOLD = 2**16  # bytes


class Setting(NamedTuple):
    """Where and in which precision the models train.

    Attributes:
        device: ``cpu`` or ``cuda``.
        bfloat16: whether autocast is on, as ESPnet's ``use_amp`` has it on GPUs that know the type.
    """

    device: str
    bfloat16: bool = False


class Timings(NamedTuple):
    """Seconds of each pair: one entry a pair in every list.

    Attributes:
        espnet: steps without GM-OT.
        gmot: steps with it.
        forward: ``AlignmentCriterion.forward``, alone on what it was given in the GM-OT step.
        backward: its backward pass down to the encoder output.
    """

    espnet: list[float]
    gmot: list[float]
    forward: list[float]
    backward: list[float]


class Result(NamedTuple):
    """What was measured in one setting.

    Attributes:
        setting: device and precision.
        timings: of the pairs of steps.
        peak: bytes by model.
    """

    setting: Setting
    timings: Timings
    peak: dict[str, int]


class ProfileRow(NamedTuple):
    """What one function takes of the alignment, with all that it calls.

    Attributes:
        function: file and name.
        milliseconds: of a batch.
        share: of the alignment, in [0, 1].
    """

    function: str
    milliseconds: float
    share: float


class Training:
    """One of the two models with its optimiser and its batch."""

    def __init__(self, model: str, size: Size, setting: Setting) -> None:
        self.setting = setting
        self.batch = make_batch(model, size)
        self.model = self.build(model, size).to(setting.device)
        self.optimiser = self.build_optimiser()

    def build(self, model: str, size: Size) -> nn.Module:
        """Return what is trained."""
        return build_model(model, size)

    def build_optimiser(self) -> torch.optim.Optimizer:
        """Return the optimiser of the model that stands on its device."""
        return torch.optim.Adam(self.model.parameters(), **OPTIMISER)

    def step(self, seed: int) -> float:
        """Return the seconds of one optimiser step; ``seed`` fixes dropout and SpecAug."""
        torch.manual_seed(seed)
        start = self._now()
        batch = to_device(self.batch, self.setting.device)
        with torch.autocast(self.setting.device, torch.bfloat16, enabled=self.setting.bfloat16):
            loss, _, _ = self.model(**batch)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), GRAD_CLIP)
        if not torch.isfinite(norm):
            raise FloatingPointError(f"gradient norm {norm}")
        self.loss = loss.detach()
        self.optimiser.step()
        self.optimiser.zero_grad()
        return self._now() - start

    def _now(self) -> float:
        if self.setting.device == "cuda":
            torch.cuda.synchronize()
        return perf_counter()


class GMOTTraining(Training):
    """The GM-OT model, which can also repeat the alignment of its last step on its own."""

    def __init__(self, size: Size, setting: Setting) -> None:
        super().__init__("gmot", size, setting)
        self.model.criterion_align.register_forward_pre_hook(self._keep_inputs)

    def align(self) -> tuple[float, float]:
        """Return the seconds of the alignment's forward and backward pass."""
        inputs = self.inputs
        start = self._now()
        criterion = self.model.criterion_align
        loss = sum(criterion.weighted_terms(criterion(*inputs)).values())
        middle = self._now()
        loss.backward()
        return middle - start, self._now() - middle

    def _keep_inputs(self, _module, inputs) -> None:
        features, *others = inputs
        self.inputs = (features.detach().requires_grad_(), *others)


def time_pairs(size: Size, setting: Setting, pairs: int) -> Timings:
    """Time steps of both models in turn, after a first step of each that does not count.

    Every other pair runs in the other order.
    """
    trainings = {"espnet": Training("espnet", size, setting), "gmot": GMOTTraining(size, setting)}
    timings = Timings([], [], [], [])
    with tqdm(total=2 * pairs + 2, desc=f"steps on {setting.device}", unit="step") as bar:
        for pair in range(pairs + 1):
            for model in MODELS[:: -1 if pair % 2 else 1]:
                seconds = trainings[model].step(seed=pair)
                if pair > 0:
                    getattr(timings, model).append(seconds)
                bar.update()
            forward, backward = trainings["gmot"].align()
            if pair > 0:
                timings.forward.append(forward)
                timings.backward.append(backward)
    return timings


def profile_alignment(size: Size) -> list[ProfileRow]:
    """Return what the alignment's functions take on the CPU, the longest first."""
    training = GMOTTraining(size, Setting("cpu"))
    training.step(seed=0)
    profiler = cProfile.Profile()
    for seed in tqdm(range(1, PROFILE_STEPS + 1), desc="profile", unit="step"):
        training.step(seed)
        profiler.runcall(training.align)
    profile = pstats.Stats(profiler)
    rows = []
    for (file, _, function), (_, _, _, seconds, _) in profile.stats.items():
        name = _function_name(file, function)
        if name is not None:
            rows.append(ProfileRow(name, 1e3 * seconds / PROFILE_STEPS, seconds / profile.total_tt))
    return sorted(rows, key=lambda row: -row.milliseconds)


def _function_name(file: str, function: str) -> str | None:
    """Return the name of one of the package's functions or of torch's backward pass, None for others."""
    package = Path(espnet_gmot.__file__).parent
    if Path(file).is_relative_to(package) and not function.startswith("<"):
        return f"{Path(file).relative_to(package).as_posix()}: {function}"
    return "backward pass" if function == "_engine_run_backward" else None


def peak_memory(model: str, size: Size, setting: Setting) -> int:
    """Return the peak bytes of a few steps.

    On the CPU this is all of the process's resident memory (Linux with glibc alone), so that the process must
    have done nothing else; on a GPU it is what torch's tensors took there.
    """
    if setting.device == "cpu":
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD)
    else:
        begin_gpu_peak()
    training = Training(model, size, setting)
    for seed in tqdm(range(MEMORY_STEPS), desc=f"peak memory of {model} on {setting.device}", unit="step"):
        training.step(seed)
    if setting.device == "cuda":
        return torch.cuda.max_memory_allocated()
    # Not getrusage: its maximum outlives exec and counts the parent process.
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\s*(\d+) kB", status)[1])


def count_parameters(size: Size) -> dict[str, int]:
    """Return the number of parameters of each model."""
    return {model: sum(p.numel() for p in build_model(model, size).parameters()) for model in MODELS}
