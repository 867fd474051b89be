"""The CPU backend: mirror descent compiled by numba, one problem at a time in cache, problems in parallel."""

import math
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import torch
from numba import types
from numba.extending import overload

from espnet_gmot.ot.mirror_descent import Solution
from espnet_gmot.ot.options import SolverOptions
from espnet_gmot.ot.problem import TransportProblem
from espnet_gmot.ot.sinkhorn import LOG_ZERO, LONGEST_RUN, SMALLEST_SUM

# A row with less than this is summed again from its own largest exponent.
SMALLEST_ROW = 1e-20

# Sums may be reordered, so that loops vectorise; NaN and infinity keep their meaning.
REORDERED = {"reassoc", "contract", "arcp", "nsz"}
compiled = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=REORDERED)


def solve_in_parallel(problem: TransportProblem, options: SolverOptions) -> Solution:
    """Run ``mirror_descent`` on each problem by itself, in as many threads as torch uses.

    The arithmetic is that of the torch backend; only the order of the sums differs. Work and memory go with
    the valid lengths, and a finished problem costs nothing more.

    Args:
        problem: The batch, on the CPU.
        options: The options of the solver.
    """
    arrays = [field.detach().contiguous().numpy() for field in problem[:7]]
    node, lengths_a, lengths_b = arrays[0], arrays[5], arrays[6]
    start = np.empty((0, 0, 0), node.dtype) if problem.start is None else problem.start.contiguous().numpy()
    plan = np.zeros_like(node)
    n_iter, converged = np.zeros(len(node), np.int64), np.zeros(len(node), np.bool_)
    scalars = [options.alpha, options.epsilon, options.tol, options.frame_exponent]
    settings = (
        *(node.dtype.type(scalar) for scalar in scalars),
        options.scheme == "proximal",
        options.rho_a is None,
        options.max_iter,
        options.sinkhorn_iter,
    )

    def solve(chosen: np.ndarray) -> None:
        _solve_some(chosen, *arrays, start, *settings, plan, n_iter, converged)

    shares = _fair_shares(lengths_a * lengths_a * lengths_b, torch.get_num_threads())
    if len(shares) == 1:
        solve(shares[0])
    else:
        with ThreadPoolExecutor(len(shares)) as pool:
            list(pool.map(solve, shares))
    return Solution(torch.from_numpy(plan), torch.from_numpy(n_iter), torch.from_numpy(converged))


def _fair_shares(work: np.ndarray, n_threads: int) -> list[np.ndarray]:
    """Deal problems out to threads, the largest first, each to the thread with the least work so far."""
    shares = [[] for _ in range(min(n_threads, len(work)))]
    load = np.zeros(len(shares))
    for i in np.argsort(-work, kind="stable"):
        lightest = int(load.argmin())
        shares[lightest].append(i)
        load[lightest] += work[i]
    return [np.array(share) for share in shares]


def _exp(x):
    """``exp(x)``; the float32 version vectorises, which a call into the C library does not."""


@overload(_exp, jit_options={"fastmath": REORDERED})
def _overload_exp(x):
    return _exp_float32 if x == types.float32 else lambda x: math.exp(x)


def _exp_float32(x):
    # exp(x) = 2^k exp(r) with |r| <= log(2) / 2; the polynomial is Taylor's, 2^k is put together from its bits.
    lowest = np.float32(-60.0)
    inside = lowest if x < lowest else x
    k = np.floor(inside * np.float32(1 / math.log(2)) + np.float32(0.5))
    r = inside - k * np.float32(0.693359375) - k * np.float32(math.log(2) - 0.693359375)
    y = np.float32(1 / 5040)
    y = y * r + np.float32(1 / 720)
    y = y * r + np.float32(1 / 120)
    y = y * r + np.float32(1 / 24)
    y = y * r + np.float32(1 / 6)
    y = y * r + np.float32(1 / 2)
    y = y * r + np.float32(1)
    y = y * r + np.float32(1)
    power = np.int32((np.int32(k) + np.int32(127)) << np.int32(23)).view(np.float32)
    return np.float32(0) if x < lowest else y * power


@compiled
def _solve_some(
    chosen, node, edge_a, edge_b, p, q, lengths_a, lengths_b, start,
    alpha, epsilon, tol, frame_exponent, proximal, hard_frames, max_iter, sinkhorn_iter,
    plan, n_iter, converged,
):  # fmt: skip
    """Solve the chosen problems and write their results; matrices of frames and tokens are (N, T) within."""
    for i in chosen:
        T, N = lengths_a[i], lengths_b[i]
        p_i, q_i = p[i, :T], q[i, :N]
        costs = _centred_costs(node[i, :T, :N], edge_a[i, :T, :T], edge_b[i, :N, :N], p_i, q_i, alpha)
        coupling, reference = _independent(p_i, q_i)
        if len(start) > 0:
            coupling, log_start = _given(start[i], p_i, q_i)
            if proximal:
                reference = log_start
        coupling, n_iter[i], converged[i] = _descend(
            costs, p_i, q_i, coupling, reference,
            alpha, epsilon, tol, frame_exponent, proximal, hard_frames, max_iter, sinkhorn_iter,
        )  # fmt: skip
        plan[i, :T, :N] = coupling.T


@compiled
def _descend(
    costs, p, q, coupling, reference,
    alpha, epsilon, tol, frame_exponent, proximal, hard_frames, max_iter, sinkhorn_iter,
):  # fmt: skip
    """Take mirror-descent steps from ``coupling``, which is replaced; return their number and the outcome."""
    N, T = coupling.shape
    log_p, log_q = _log(p), _log(q)
    f, g = np.zeros_like(p), np.zeros_like(q)
    log_kernel, previous = np.empty_like(coupling), np.empty_like(coupling)
    for step in range(max_iter):
        _log_kernel(costs, coupling, q, reference, alpha, epsilon, log_kernel)
        coupling, previous = previous, coupling
        _sinkhorn(log_kernel, p, q, log_p, log_q, sinkhorn_iter, frame_exponent, f, g, coupling)
        if proximal:
            for j in range(N):
                for i in range(T):
                    reference[j, i] = log_kernel[j, i] + f[i] + g[j]
        if _distance(coupling, previous) <= tol and _marginal_error(coupling, p, q, hard_frames) <= tol:
            return coupling, step + 1, True
    return coupling, max_iter, False


@compiled
def _centred_costs(node, edge_a, edge_b, p, q, alpha):
    """See ``mirror_descent``; the node cost comes weighted and transposed to (N, T)."""
    N, T = len(q), len(p)
    weighted = np.empty((N, T), node.dtype)
    for j in range(N):
        mean = p.dtype.type(0)
        for i in range(T):
            mean += p[i] * node[i, j]
        for i in range(T):
            weighted[j, i] = (1 - alpha) * (node[i, j] - mean)
    centre = (_mean(edge_a, p) + _mean(edge_b, q)) / p.dtype.type(2)
    return weighted, _shifted(edge_a, centre), _shifted(edge_b, centre)


@compiled
def _mean(edge, weights):
    total = weights.dtype.type(0)
    for i in range(len(weights)):
        row = weights.dtype.type(0)
        for k in range(len(weights)):
            row += edge[i, k] * weights[k]
        total += weights[i] * row
    return total


@compiled
def _shifted(edge, centre):
    out = np.empty(edge.shape, edge.dtype)
    for i in range(len(out)):
        for k in range(len(out)):
            out[i, k] = edge[i, k] - centre
    return out


@compiled
def _independent(p, q):
    """Return p qᵀ and its logarithm, (N, T) each."""
    coupling = np.empty((len(q), len(p)), p.dtype)
    log_coupling = np.empty_like(coupling)
    log_p, log_q = _log(p), _log(q)
    for j in range(len(q)):
        for i in range(len(p)):
            coupling[j, i] = q[j] * p[i]
            log_coupling[j, i] = log_q[j] + log_p[i]
    return coupling, log_coupling


@compiled
def _given(start, p, q):
    """Return a given coupling (T, N) and its logarithm, (N, T) each."""
    coupling, log_coupling = _independent(p, q)
    tiny = np.finfo(start.dtype).tiny
    for j in range(len(q)):
        for i in range(len(p)):
            coupling[j, i] = start[i, j]
            if p[i] * q[j] > 0:
                log_coupling[j, i] = math.log(max(start[i, j], tiny))
    return coupling, log_coupling


@compiled
def _log(weights):
    out = np.full_like(weights, LOG_ZERO)
    for i in range(len(weights)):
        if weights[i] > 0:
            out[i] = math.log(weights[i])
    return out


@compiled
def _log_kernel(costs, coupling, q, reference, alpha, epsilon, out):
    """``reference - ∇FGW(coupling) / epsilon`` up to a constant for each token."""
    node, edge_a, edge_b = costs
    N, T = coupling.shape
    if alpha == 0:
        for j in range(N):
            for i in range(T):
                out[j, i] = reference[j, i] - node[j, i] / epsilon
        return
    square, product, cross = np.zeros_like(node[0]), np.zeros_like(node), np.zeros_like(node)
    for k in range(T):
        mass = node.dtype.type(0)
        for j in range(N):
            mass += coupling[j, k]
        for i in range(T):
            square[i] += mass * edge_a[k, i] * edge_a[k, i]
    # What is this far below the independent coupling is lost in the rounding of the sum.
    _add_product(product, coupling, edge_a, np.finfo(q.dtype).eps / T * q)
    _add_product(cross, edge_b, product, np.zeros_like(q))
    for j in range(N):
        for i in range(T):
            gradient = node[j, i] + 2 * alpha * (square[i] - 2 * cross[j, i])
            out[j, i] = reference[j, i] - gradient / epsilon


@compiled
def _add_product(out, X, Y, negligible):
    """``out += X @ Y``, four columns of ``X`` at a time; skips those that are negligible in their row."""
    zero = X.dtype.type(0)
    J, K = X.shape
    for k in range(0, K, 4):
        # Past the end the last row of Y stands in, with weight zero.
        k1, k2, k3 = min(k + 1, K - 1), min(k + 2, K - 1), min(k + 3, K - 1)
        for j in range(J):
            x0 = X[j, k]
            x1 = X[j, k1] if k + 1 < K else zero
            x2 = X[j, k2] if k + 2 < K else zero
            x3 = X[j, k3] if k + 3 < K else zero
            if abs(x0) + abs(x1) + abs(x2) + abs(x3) <= negligible[j]:
                continue
            for i in range(out.shape[1]):
                out[j, i] += x0 * Y[k, i] + x1 * Y[k1, i] + x2 * Y[k2, i] + x3 * Y[k3, i]


@compiled
def _sinkhorn(log_kernel, p, q, log_p, log_q, iterations, frame_exponent, f, g, coupling):
    """``sinkhorn.sinkhorn`` for one problem: ``f``, ``g`` and ``coupling`` are replaced."""
    _exact_iteration(log_kernel, q, log_p, log_q, frame_exponent, f, g, coupling)
    done = 1
    while done < iterations:
        run = min(LONGEST_RUN, iterations - done) - 1
        _scale(coupling, p, q, run, frame_exponent, f, g)
        _exact_iteration(log_kernel, q, log_p, log_q, frame_exponent, f, g, coupling)
        done += run + 1


@compiled
def _exact_iteration(log_kernel, q, log_p, log_q, frame_exponent, f, g, coupling):
    # Exponents are stored before their maximum is subtracted: reordered sums could leave it above zero.
    N, T = log_kernel.shape
    highest, total = np.full_like(f, -np.inf), np.zeros_like(f)
    for j in range(N):
        for i in range(T):
            coupling[j, i] = log_kernel[j, i] + g[j]
            highest[i] = max(highest[i], coupling[j, i])
    for j in range(N):
        for i in range(T):
            coupling[j, i] = _exp(coupling[j, i] - highest[i])
            total[i] += coupling[j, i]
    level = f.dtype.type(-np.inf)
    for i in range(T):
        f[i] = frame_exponent * (log_p[i] - highest[i] - math.log(total[i]))
        highest[i] += f[i]
        level = max(level, highest[i])
    for i in range(T):
        total[i] = _exp(highest[i] - level)
    for j in range(N):
        row_sum = f.dtype.type(0)
        for i in range(T):
            coupling[j, i] *= total[i]
            row_sum += coupling[j, i]
        if row_sum < SMALLEST_ROW:
            level_j, row_sum = _exact_row(log_kernel[j], f, coupling[j])
            g[j] = log_q[j] - level_j - math.log(row_sum)
        else:
            g[j] += log_q[j] - level - math.log(row_sum)
        factor = q[j] / row_sum
        for i in range(T):
            coupling[j, i] *= factor


@compiled
def _exact_row(log_kernel, f, coupling):
    """Set ``coupling`` to ``exp(log_kernel + f - level)``; return the level, its largest exponent, and the sum."""
    level, row_sum = log_kernel[0] + f[0], f.dtype.type(0)
    for i in range(len(f)):
        coupling[i] = log_kernel[i] + f[i]
        level = max(level, coupling[i])
    for i in range(len(f)):
        coupling[i] = _exp(coupling[i] - level)
        row_sum += coupling[i]
    return level, row_sum


@compiled
def _scale(coupling, p, q, iterations, frame_exponent, f, g):
    """Add to ``g`` what plain scalings of the coupling change; see ``sinkhorn._scale``."""
    N, T = coupling.shape
    smallest, none = p.dtype.type(SMALLEST_SUM), np.full(1, -1, p.dtype)
    memory = _log(p)
    level = p.dtype.type(LOG_ZERO)
    for i in range(T):
        if p[i] > 0:
            memory[i] = (frame_exponent - 1) * f[i]
            level = max(level, memory[i])
    for i in range(T):
        memory[i] = _exp(memory[i] - level)
    u, v = np.empty((1, T), p.dtype), np.ones((1, N), q.dtype)
    for _ in range(iterations):
        u[:] = 0
        _add_product(u, v, coupling, none)
        for i in range(T):
            u[0, i] = p[i] / max(u[0, i], smallest)
        if frame_exponent != 1:
            for i in range(T):
                u[0, i] = memory[i] * u[0, i] ** frame_exponent
        for j in range(N):
            total = p.dtype.type(0)
            for i in range(T):
                total += u[0, i] * coupling[j, i]
            v[0, j] = q[j] / max(total, smallest)
    for j in range(N):
        if q[j] > 0:
            g[j] += math.log(v[0, j])


@compiled
def _distance(coupling, previous):
    total = coupling.dtype.type(0)
    for j in range(coupling.shape[0]):
        for i in range(coupling.shape[1]):
            total += abs(coupling[j, i] - previous[j, i])
    return total


@compiled
def _marginal_error(coupling, p, q, hard_frames):
    frame_sum, error = np.zeros_like(p), p.dtype.type(0)
    for j in range(len(q)):
        token_sum = p.dtype.type(0)
        for i in range(len(p)):
            token_sum += coupling[j, i]
            frame_sum[i] += coupling[j, i]
        error += abs(token_sum - q[j])
    if hard_frames:
        for i in range(len(p)):
            error += abs(frame_sum[i] - p[i])
    return error
