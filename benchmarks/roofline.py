"""What the Triton kernel must compute and move, against what a GPU can: a bound for its time.

Counted for problems of full size, without the padding to powers of two; a multiplication and an addition are
two operations, an exponential, a logarithm or a division is one.
"""

from dataclasses import dataclass
from math import ceil

import torch

from benchmarks.problems import Shape
from espnet_gmot.ot import SolverOptions
from espnet_gmot.ot.sinkhorn import LONGEST_RUN

BYTES = 4  # of a float32
FUSED = 2  # operations of a fused multiplication and addition
EXACT = 10  # operations an entry of an exact iteration
LANES = 128  # of a multiprocessor with compute capability 8.6 to 9.0: float32 FMAs in a clock cycle
HEADER = [
    "batch",
    "Gflop",
    "MB",
    "compute bound, ms",
    "memory bound, ms",
    "kernel, ms",
    "bound / kernel",
    "whole call, ms",
]


@dataclass(frozen=True)
class Peaks:
    """What a GPU can, from its own properties.

    Attributes:
        flops: Float32 operations a second, without tensor cores: the kernel's products keep all of float32.
        bandwidth: Bytes a second of its memory.
        multiprocessors: A problem has one to itself.
    """

    flops: float
    bandwidth: float
    multiprocessors: int

    @classmethod
    def here(cls) -> "Peaks":
        """Those of this machine's GPU: clock rates are in kHz, and memory moves data twice a cycle."""
        gpu = torch.cuda.get_device_properties(0)
        clock, memory_clock = 1e3 * gpu.clock_rate, 1e3 * gpu.memory_clock_rate
        return cls(
            gpu.multi_processor_count * LANES * FUSED * clock,
            2 * memory_clock * gpu.memory_bus_width / 8,
            gpu.multi_processor_count,
        )

    def describe(self) -> str:
        """Say it in the page's words."""
        return (
            f"{self.flops / 1e12:.1f} TFLOP/s in float32, {self.bandwidth / 1e12:.2f} TB/s, "
            f"{self.multiprocessors} multiprocessors"
        )


@dataclass(frozen=True)
class Work:
    """What one batch takes: operations, and bytes with each cost read once and the coupling written once."""

    flops: float
    bytes: float


def work(shape: Shape, options: SolverOptions) -> Work:
    """Count a solve with edge costs.

    A step has the products B γᵀ and (B γᵀ) A and the sum of the frames' squared edges; then ``sinkhorn_iter``
    iterations. Most are scalings, two matrix-vector products; the first and the last of each ``LONGEST_RUN``
    are exact: in either direction sum, maximum, difference, exponential and sum over the entries.
    """
    batch, frames, tokens = shape
    entries = frames * tokens
    exact = 1 + ceil((options.sinkhorn_iter - 1) / LONGEST_RUN)
    gradient = FUSED * (tokens * entries + frames * entries) + 2 * FUSED * frames**2
    iterations = exact * EXACT * entries + (options.sinkhorn_iter - exact) * 2 * FUSED * entries
    moved = BYTES * (2 * entries + frames**2 + tokens**2)
    return Work(batch * options.max_iter * (gradient + iterations), batch * moved)


def bounds(shape: Shape, options: SolverOptions, peaks: Peaks) -> tuple[float, float]:
    """Seconds that a batch takes at least, by its operations on the multiprocessors it has, and its bytes."""
    needed = work(shape, options)
    rounds = ceil(shape.batch / peaks.multiprocessors)
    a_problem = needed.flops / shape.batch / (peaks.flops / peaks.multiprocessors)
    return rounds * a_problem, needed.bytes / peaks.bandwidth


def row(shape: Shape, options: SolverOptions, peaks: Peaks, kernel: float, whole_call: float) -> list[str]:
    """A row below ``HEADER``, of seconds that the kernel took alone and with all that a call does."""
    needed, (compute, memory) = work(shape, options), bounds(shape, options, peaks)
    name = f"{shape}, {options.max_iter} × {options.sinkhorn_iter}"
    figures = [
        f"{needed.flops / 1e9:.2f}",
        f"{needed.bytes / 1e6:.1f}",
        f"{1e3 * compute:.3f}",
        f"{1e3 * memory:.3f}",
        f"{1e3 * kernel:.3f}",
        f"{max(compute, memory) / kernel:.0%}",
        f"{1e3 * whole_call:.3f}",
    ]
    return [name, *figures]
