"""Mirror descent as one GPU kernel in Triton, which comes with torch's CUDA builds: one block an utterance.

The coupling and the Sinkhorn potentials stay on chip through the whole solve; only costs are read again.
In the kernel everything is laid out (BLOCK_N tokens, BLOCK_T frames), powers of two that hold the padded
sizes. With ``TRITON_INTERPRET=1``, set before Triton is imported, the kernel runs on CPU tensors, for tests.
"""

import os
import shutil

import torch
import triton
import triton.language as tl

from espnet_gmot.ot.mirror_descent import Solution, marginal_error
from espnet_gmot.ot.options import SolverOptions
from espnet_gmot.ot.problem import TransportProblem
from espnet_gmot.ot.triton_parts import KEEP_NAN, LOG_ZERO, TILE, edge_gradient, mean_edge, scale_kernel

# Whether kernels run in Triton's interpreter, on CPU tensors: a kernel is something else there.
INTERPRETED: bool = not isinstance(scale_kernel, triton.JITFunction)

# With an older Triton neither the compiler nor the interpreter takes the whole kernel.
TOO_OLD: bool = tuple(map(int, triton.__version__.split(".")[:2])) < (3, 4)

# A thread holds 32 entries of a block, and 64 of the largest; with edge costs, the scaling loop still needs
# no register spills then. A matrix product passes a whole block through shared memory.
ENTRIES_PER_WARP = 1024
LARGEST_BLOCK = 64 * 512
BYTES = 4

# Of CUDA GPUs; the tests compile for 8.0 and 9.0.
OLDEST_CAPABILITY = 8

TINY = tl.constexpr(torch.finfo(torch.float32).tiny)


def hindrance(problem: TransportProblem) -> str | None:
    """Say why the kernel cannot solve a problem, or return None."""
    if TOO_OLD:
        return f"wants Triton 3.4 and this is {triton.__version__}"
    node, largest = problem.node, LARGEST_BLOCK
    if node.is_cuda:
        gpu = torch.cuda.get_device_properties(node.device)
        if gpu.major < OLDEST_CAPABILITY:
            capability = f"{gpu.major}.{gpu.minor}"
            return f"needs compute capability {OLDEST_CAPABILITY}.0 and {node.device} has {capability}"
        if not any(shutil.which(compiler) for compiler in (os.environ.get("CC", "gcc"), "gcc", "clang")):
            return "needs a C compiler, with which Triton builds its launcher; install gcc"
        optin = gpu.shared_memory_per_block_optin  # type: ignore[attr-defined]  # torch's stubs forget it
        largest = min(largest, (optin - 1) // BYTES)
    elif not INTERPRETED:
        return f"runs on a GPU and the problem is on {node.device}"
    if node.dtype != torch.float32:
        return f"computes in float32 and the problem is {node.dtype}"
    if _entries(problem) > largest:
        return f"takes at most {largest} frames times tokens, both rounded up to powers of two"
    return None


def solve_on_gpu(problem: TransportProblem, options: SolverOptions) -> Solution:
    """Solve as ``mirror_descent`` does, in one launch and without waiting for the GPU.

    Each pair of block sizes is compiled at its first use (some seconds) and kept in Triton's cache on disk.

    Args:
        problem: Batch without ``hindrance``.
        options: As for ``mirror_descent``, whose docstring has the equations.

    Returns:
        The same as ``mirror_descent`` up to rounding: about 1e-5 in the plan's L1 norm at the usual epsilon.
    """
    batch, n_frames, n_tokens = problem.node.shape
    plan = torch.empty_like(problem.node, memory_format=torch.contiguous_format)
    n_iter = torch.empty_like(problem.lengths_a)
    converged = torch.empty_like(problem.lengths_a, dtype=torch.bool)
    with torch.cuda.device_of(problem.node):
        _mirror_descent[(batch,)](
            *(None if tensor is None else tensor.contiguous() for tensor in problem),
            plan,
            n_iter,
            converged,
            n_frames,
            n_tokens,
            float(options.alpha),
            float(options.epsilon),
            float(options.tol),
            options.frame_exponent,
            float(options.overrelaxation),
            options.max_iter,
            options.sinkhorn_iter,
            EDGES=options.alpha > 0,
            PROXIMAL=options.scheme == "proximal",
            RELAXED=options.rho_a is not None,
            BLOCK_N=_side(n_tokens),
            BLOCK_T=_side(n_frames),
            num_warps=_warps(_entries(problem)),
        )
    return Solution(plan, n_iter, converged, marginal_error(plan, problem, options))


def _entries(problem: TransportProblem) -> int:
    _, n_frames, n_tokens = problem.node.shape
    return _side(n_tokens) * _side(n_frames)


def _side(size: int) -> int:
    return max(TILE.value, triton.next_power_of_2(size))


def _warps(entries: int) -> int:
    return min(16, max(4, entries // ENTRIES_PER_WARP))


@triton.jit(do_not_specialize=["n_frames", "n_tokens", "max_iter", "sinkhorn_iter"])
def _mirror_descent(
    node_ptr,  # (batch, T, N)
    edge_a_ptr,  # (batch, T, T)
    edge_b_ptr,  # (batch, N, N)
    p_ptr,  # (batch, T)
    q_ptr,  # (batch, N)
    lengths_a_ptr,
    lengths_b_ptr,
    start_ptr,  # (batch, T, N), or None
    plan_ptr,  # (batch, T, N), written
    n_iter_ptr,
    converged_ptr,
    n_frames,
    n_tokens,
    alpha,
    epsilon,
    tol,
    frame_exponent,
    overrelaxation,
    max_iter,
    sinkhorn_iter,
    EDGES: tl.constexpr,
    PROXIMAL: tl.constexpr,
    RELAXED: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_T: tl.constexpr,
):
    problem = tl.program_id(0).to(tl.int64)
    length_a, length_b = tl.load(lengths_a_ptr + problem), tl.load(lengths_b_ptr + problem)
    frames, tokens = tl.arange(0, BLOCK_T), tl.arange(0, BLOCK_N)
    entries = problem * n_frames * n_tokens + frames[None, :] * n_tokens + tokens[:, None]
    valid = (frames < length_a)[None, :] & (tokens < length_b)[:, None]

    p = tl.load(p_ptr + problem * n_frames + frames, frames < n_frames, 0.0)  # (BLOCK_T,)
    q = tl.load(q_ptr + problem * n_tokens + tokens, tokens < n_tokens, 0.0)  # (BLOCK_N,)
    log_p = tl.maximum(tl.log(p), LOG_ZERO, KEEP_NAN)
    log_q = tl.maximum(tl.log(q), LOG_ZERO, KEEP_NAN)

    # Costs are centred by the same shifts as in the torch backend, so that float32 does.
    node = tl.load(node_ptr + entries, valid, 0.0)  # (BLOCK_N, BLOCK_T)
    node = (1 - alpha) * (node - tl.sum(node * p[None, :], 1)[:, None])
    if EDGES:
        edge_a_ptr += problem * n_frames * n_frames
        edge_b_ptr += problem * n_tokens * n_tokens
        mean_a = mean_edge(edge_a_ptr, p, length_a, n_frames)
        mean_b = mean_edge(edge_b_ptr, q, length_b, n_tokens)
        centre = (mean_a + mean_b) / 2

    plan = q[:, None] * p[None, :]
    reference = log_q[:, None] + log_p[None, :]
    if start_ptr is not None:
        plan = tl.load(start_ptr + entries, valid, 0.0)
        if PROXIMAL:
            log_plan = tl.log(tl.maximum(plan, TINY, KEEP_NAN))
            reference = tl.where(reference > LOG_ZERO / 2, log_plan, LOG_ZERO)

    g = tl.zeros_like(q)
    n_iter = 0
    converged = tl.full((), False, tl.int1)
    while (n_iter < max_iter) & ~converged:
        gradient = node
        if EDGES:
            gradient += (2 * alpha) * edge_gradient(
                plan, edge_a_ptr, edge_b_ptr, length_a, length_b, n_frames, n_tokens, centre
            )
        log_kernel = reference - gradient / epsilon
        coupling, f, g = scale_kernel(
            plan,
            log_kernel,
            p,
            q,
            log_p,
            log_q,
            g,
            sinkhorn_iter,
            frame_exponent,
            overrelaxation,
            RELAXED,
        )
        if PROXIMAL:
            reference = log_kernel + f[None, :] + g[:, None]

        change = tl.sum(tl.abs(coupling - plan))
        plan = coupling
        error = tl.sum(tl.abs(tl.sum(plan, 1) - q))
        if not RELAXED:
            error += tl.sum(tl.abs(tl.sum(plan, 0) - p))
        converged = (change <= tol) & (error <= tol)
        n_iter += 1

    tl.store(plan_ptr + entries, plan, (frames < n_frames)[None, :] & (tokens < n_tokens)[:, None])
    tl.store(n_iter_ptr + problem, n_iter)
    tl.store(converged_ptr + problem, converged)
