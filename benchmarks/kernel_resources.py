"""What a block of the Triton kernel takes of a multiprocessor, from the compiled code: no GPU is needed.

    python -m benchmarks.kernel_resources

prints the table of ``docs/gpu.md``.
"""

import math
import os
import re
import subprocess
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.problems import SPEECH_SHAPES, Shape
from espnet_gmot.bin._command import run
from espnet_gmot.errors import InputError
from espnet_gmot.score.markdown_table import markdown_table

WARP = 32  # threads
# Of a multiprocessor with compute capability 9.0; NVIDIA, "CUDA C++ Programming Guide", compute capabilities.
REGISTERS, SHARED, WARPS = 65_536, 227 * 1024, 64
REGISTERS_UNIT = 256  # in which a warp's registers are dealt out
HEADER = [
    "frames × tokens",
    "block",
    "warps",
    "registers",
    "stack, bytes",
    "shared, KiB",
    "blocks",
    "occupancy",
]
FLAGS = ("EDGES", "PROXIMAL")  # as in training: edge costs, proximal steps, both marginals hard


class Resources(NamedTuple):
    """What one block takes.

    Attributes:
        warps: of 32 threads.
        registers: of a thread.
        spilled: bytes of a thread that find no register, in the first-level cache or beyond.
        shared: bytes of shared memory.
    """

    warps: int
    registers: int
    spilled: int
    shared: int

    def blocks(self) -> int:
        """How many fit on a multiprocessor of compute capability 9.0."""
        a_warp = -(-self.registers * WARP // REGISTERS_UNIT) * REGISTERS_UNIT
        return min(REGISTERS // (a_warp * self.warps), SHARED // self.shared, WARPS // self.warps)


def compile_kernel(
    capability: int, block: tuple[int, int], flags: Collection[str], warps: int | None = None
) -> Any:
    """Compile for a GPU that need not be here; return what Triton gives.

    Args:
        capability: such as 90.
        block: tokens and frames, powers of two.
        flags: which of ``EDGES``, ``PROXIMAL``, ``RELAXED`` and ``START`` hold.
        warps: of a block; None for the kernel's own choice.
    """
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from espnet_gmot.ot.triton_kernel import _mirror_descent, _warps

    constants: dict[str, Any] = {flag: flag in flags for flag in ("EDGES", "PROXIMAL", "RELAXED")}
    constants |= dict(zip(("BLOCK_N", "BLOCK_T"), block, strict=True))
    constants |= {} if "START" in flags else {"start_ptr": None}
    types = {name: "*fp32" if name.endswith("_ptr") else "i32" for name in _mirror_descent.arg_names}
    types |= dict.fromkeys(["lengths_a_ptr", "lengths_b_ptr", "n_iter_ptr"], "*i64")
    types |= {"converged_ptr": "*i1"}
    types |= dict.fromkeys(["alpha", "epsilon", "tol", "frame_exponent", "overrelaxation"], "fp32")
    types |= dict.fromkeys(constants, "constexpr")
    source, target = ASTSource(_mirror_descent, types, constants), GPUTarget("cuda", capability, WARP)
    return triton.compile(source, target=target, options={"num_warps": warps or _warps(math.prod(block))})


def resources(block: tuple[int, int], warps: int) -> Resources:
    """Compile for 9.0, and ask NVIDIA's tool that comes with Triton what the code takes."""
    import triton

    compiled = compile_kernel(90, block, FLAGS, warps)
    tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as cubin:
        cubin.write(compiled.asm["cubin"])
        cubin.flush()
        told = subprocess.run(
            [tool, "-res-usage", cubin.name], check=True, capture_output=True, text=True
        ).stdout
    registers, spilled = (int(re.search(rf"{name}:(\d+)", told)[1]) for name in ("REG", "STACK"))
    return Resources(warps, registers, spilled, compiled.metadata.shared)


def block_of(shape: Shape) -> tuple[int, int]:
    """Tokens and frames of the block that a batch's problems take."""
    from espnet_gmot.ot.triton_kernel import _side

    return _side(shape.tokens), _side(shape.frames)


def fits(shape: Shape) -> bool:
    """Whether the kernel takes a batch's problems at all; torch takes those that are larger."""
    from espnet_gmot.ot.triton_kernel import LARGEST_BLOCK

    return math.prod(block_of(shape)) <= LARGEST_BLOCK


def rows(block: tuple[int, int], shapes: Sequence[Shape]) -> list[list[str]]:
    """The rows of a block: the kernel's own number of warps in bold, and half and twice as many."""
    from espnet_gmot.ot.triton_kernel import _warps

    tokens, frames = block
    problems = ", ".join(f"{shape.frames} × {shape.tokens}" for shape in shapes)
    name = [problems, f"{frames} × {tokens}"]
    if not fits(shapes[0]):
        return [[*name, "none: torch takes over", *["–"] * (len(HEADER) - 3)]]
    chosen = _warps(math.prod(block))
    return [
        [*name, f"**{warps}**" if warps == chosen else str(warps), *figures(resources(block, warps))]
        for warps in (chosen // 2, chosen, 2 * chosen)
    ]


def figures(found: Resources) -> list[str]:
    """The cells after the number of warps."""
    return [
        str(found.registers),
        str(found.spilled),
        f"{found.shared / 1024:.0f}",
        str(found.blocks()),
        f"{found.blocks() * found.warps / WARPS:.1%}",
    ]


def main() -> None:
    if "TRITON_INTERPRET" in os.environ:
        raise InputError("unset TRITON_INTERPRET: the interpreter compiles nothing")
    blocks: dict[tuple[int, int], list[Shape]] = {}
    for shape in SPEECH_SHAPES:
        blocks.setdefault(block_of(shape), []).append(shape)
    table = [row for block, shapes in blocks.items() for row in rows(block, shapes)]
    print(markdown_table(HEADER, table, left={0, 1}))


if __name__ == "__main__":
    run(main)
