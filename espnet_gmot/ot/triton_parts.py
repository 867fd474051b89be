"""The parts of the Triton kernel: the edge gradient and the Sinkhorn iterations of one problem, on chip.

Couplings and kernels are (BLOCK_N, BLOCK_T), vectors (BLOCK_T,) over frames or (BLOCK_N,) over tokens; edge
costs stay in memory. All loops are ``while`` loops, because Triton 3.6's interpreter cannot read the bound of
a ``range`` from a tensor under NumPy 2.4.
"""

import triton
import triton.language as tl

from espnet_gmot.ot import sinkhorn

# Frames (or tokens) that a matrix product takes at a time; tl.dot allows no fewer than 16.
TILE = tl.constexpr(16)

LOG_ZERO = tl.constexpr(sinkhorn.LOG_ZERO)
LONGEST_RUN = tl.constexpr(sinkhorn.LONGEST_RUN)
SMALLEST_SUM = tl.constexpr(sinkhorn.SMALLEST_SUM)
KEEP_NAN = tl.constexpr(tl.PropagateNan.ALL)


@triton.jit
def mean_edge(edge_ptr, weights, length, size):
    """Mean of an edge cost (size, size) under the weights of its two ends."""
    columns = tl.arange(0, weights.shape[0])
    total = tl.zeros_like(weights)
    first = 0
    while first < length:
        rows = first + tl.arange(0, TILE)
        edge = _centred(edge_ptr, rows, columns, length, size, 0.0)
        total += tl.sum(tl.gather(weights, rows, 0)[:, None] * edge, 0)
        first += TILE
    return tl.sum(total * weights)


@triton.jit
def _centred(edge_ptr, rows, columns, length, size, centre):
    """Part of an edge cost (size, size) minus its centre; zero on the padding, whatever that holds."""
    valid = (rows < length)[:, None] & (columns < length)[None, :]
    edge = tl.load(edge_ptr + rows[:, None] * size + columns[None, :], valid, 0.0)
    return tl.where(valid, edge - centre, 0.0)


@triton.jit
def edge_gradient(plan, edge_a_ptr, edge_b_ptr, length_a, length_b, n_frames, n_tokens, centre):
    """``(A² γ1 1ᵀ - 2 A γ B)ᵀ``, (BLOCK_N, BLOCK_T).

    The products keep all of float32 ("ieee"): TF32 would be off by 1e-3, divided by epsilon in an exponent.
    """
    BLOCK_N: tl.constexpr = plan.shape[0]
    BLOCK_T: tl.constexpr = plan.shape[1]
    frames, tokens = tl.arange(0, BLOCK_T), tl.arange(0, BLOCK_N)

    left = tl.zeros_like(plan)  # B γᵀ
    first = 0
    while first < length_b:
        tile = first + tl.arange(0, TILE)  # of the tokens
        edge_b = _centred(edge_b_ptr, tokens, tile, length_b, n_tokens, centre)  # (BLOCK_N, TILE)
        part = tl.gather(plan, tl.broadcast_to(tile[:, None], (TILE, BLOCK_T)), 0)
        left = tl.dot(edge_b, part, left, input_precision="ieee")
        first += TILE

    frame_sum = tl.sum(plan, 0)  # (BLOCK_T,)
    square = tl.zeros_like(frame_sum)
    cross = tl.zeros_like(plan)
    first = 0
    while first < length_a:
        tile = first + tl.arange(0, TILE)  # of the frames
        edge_a = _centred(edge_a_ptr, tile, frames, length_a, n_frames, centre)  # (TILE, BLOCK_T)
        part = tl.gather(left, tl.broadcast_to(tile[None, :], (BLOCK_N, TILE)), 1)
        cross = tl.dot(part, edge_a, cross, input_precision="ieee")
        square += tl.sum(tl.gather(frame_sum, tile, 0)[:, None] * edge_a * edge_a, 0)
        first += TILE
    return square[None, :] - 2 * cross


@triton.jit
def scale_kernel(
    coupling,
    log_kernel,
    p,
    q,
    log_p,
    log_q,
    g,
    iterations,
    frame_exponent,
    overrelaxation,
    RELAXED: tl.constexpr,
):
    """As ``sinkhorn.sinkhorn``; the first round has no plain scalings, so any finite coupling does there."""
    f = tl.zeros_like(p)
    done = 0
    while done < iterations:
        run = tl.where(done == 0, 0, tl.minimum(LONGEST_RUN, iterations - done) - 1)
        g += _scale(coupling, f, p, q, run, frame_exponent, overrelaxation, RELAXED)
        coupling, f, g = _exact_iteration(log_kernel, q, log_p, log_q, g, frame_exponent)
        done += run + 1
    return coupling, f, g


@triton.jit
def _exact_iteration(log_kernel, q, log_p, log_q, g, frame_exponent):
    shifted = log_kernel + g[:, None]
    highest = tl.max(shifted, 0)  # (BLOCK_T,)
    f = frame_exponent * (log_p - highest - tl.log(tl.sum(tl.exp(shifted - highest[None, :]), 0)))
    shifted = log_kernel + f[None, :]
    highest = tl.max(shifted, 1)  # (BLOCK_N,)
    coupling = tl.exp(shifted - highest[:, None])
    total = tl.sum(coupling, 1)  # (BLOCK_N,)
    return coupling * (q / total)[:, None], f, log_q - highest - tl.log(total)


@triton.jit
def _scale(coupling, f, p, q, iterations, frame_exponent, overrelaxation, RELAXED: tl.constexpr):
    memory = tl.where(p > 0, (frame_exponent - 1) * f, LOG_ZERO)
    memory = tl.exp(memory - tl.max(memory, 0))  # (BLOCK_T,)
    u, v = tl.full(p.shape, 1.0, tl.float32), tl.full(q.shape, 1.0, tl.float32)
    while iterations > 0:
        plain = p / tl.maximum(tl.sum(v[:, None] * coupling, 0), SMALLEST_SUM, KEEP_NAN)
        if RELAXED:
            plain = memory * tl.exp(frame_exponent * tl.log(plain))
        u = _overrelax(u, plain, overrelaxation)
        plain = q / tl.maximum(tl.sum(u[None, :] * coupling, 1), SMALLEST_SUM, KEEP_NAN)
        v = _overrelax(v, plain, overrelaxation)
        iterations -= 1
    return tl.where(q > 0, tl.log(v), 0.0)


@triton.jit
def _overrelax(old, plain, overrelaxation):
    ratio = plain / old
    step = ratio - 1
    further = old * (1 + overrelaxation * step * (1 + (overrelaxation - 1) / 2 * step))
    return tl.where((overrelaxation > 1) & (ratio > 0.5) & (ratio < 2), further, plain)
