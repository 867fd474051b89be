"""The CPU backend: mirror descent compiled by numba, one problem at a time in cache, problems in parallel."""

import logging
import math
from typing import NamedTuple

import numpy as np
import torch

from espnet_gmot.ot.mirror_descent import Solution
from espnet_gmot.ot.numba_parts import add_product, compiled, in_parallel
from espnet_gmot.ot.numba_sinkhorn import sinkhorn_one
from espnet_gmot.ot.options import SolverOptions
from espnet_gmot.ot.problem import TransportProblem
from espnet_gmot.ot.sinkhorn import LOG_ZERO, LONGEST_RUN, SMALLEST_SUM

# Above this share of fours that count, a product is left to BLAS, for a problem that is alone.
DENSE = 0.4


class _Settings(NamedTuple):
    """The options as the kernel reads them, real numbers in the type of the problem.

    Whole numbers would make float64 of a float32 in arithmetic: hence ``one``.
    """

    one: np.floating
    alpha: np.floating
    epsilon: np.floating
    tol: np.floating
    frame_exponent: np.floating
    overrelaxation: np.floating
    smallest_sum: np.floating
    log_zero: np.floating
    independent_start: bool
    blas: bool
    proximal: bool
    hard_frames: bool
    max_iter: int
    sinkhorn_iter: int
    longest_run: int


def solve_in_parallel(problem: TransportProblem, options: SolverOptions) -> Solution:
    """Run ``mirror_descent`` on each problem by itself, in as many threads as torch uses.

    The arithmetic is that of the torch backend; only the order of the sums differs, and entries of the
    coupling that cannot change a sum are left out of it. Work and memory go with the valid lengths; a
    finished problem costs nothing more. The kernel is compiled at the first use on a machine and then kept
    beside this file.

    Args:
        problem: The batch, on the CPU.
        options: The options of the solver.
    """
    arrays = [field.detach().contiguous().numpy() for field in problem[:7]]
    plan = np.zeros(problem.node.shape, arrays[0].dtype)  # (batch, T, N)
    if problem.start is not None:
        plan[:] = problem.start.numpy()
    numbers = {name: getattr(options, name) for name in ("alpha", "epsilon", "tol", "overrelaxation")}
    numbers |= {"one": 1, "frame_exponent": options.frame_exponent}
    numbers |= {"smallest_sum": SMALLEST_SUM, "log_zero": LOG_ZERO}
    settings = _Settings(
        **{name: plan.dtype.type(number) for name, number in numbers.items()},
        independent_start=problem.start is None,
        blas=len(plan) == 1,  # its threads would fight those that solve the problems of a batch
        proximal=options.scheme == "proximal",
        hard_frames=options.rho_a is None,
        max_iter=options.max_iter,
        sinkhorn_iter=options.sinkhorn_iter,
        longest_run=LONGEST_RUN,
    )
    n_iter, converged = np.zeros(len(plan), np.int64), np.zeros(len(plan), np.bool_)
    error = np.zeros(len(plan), plan.dtype)

    if not _solve_some.signatures:
        logging.info("loading the CPU transport kernel; compiling it takes 30 s, once on a machine")

    def solve(chosen: np.ndarray) -> None:
        _solve_some(chosen, *arrays, settings, plan, n_iter, converged, error)

    in_parallel(solve, problem.lengths_a, problem.lengths_b)
    return Solution(*(torch.from_numpy(found) for found in (plan, n_iter, converged, error)))


@compiled
def _solve_some(
    chosen, node, edge_a, edge_b, p, q, lengths_a, lengths_b, settings, plan, n_iter, converged, error
):  # fmt: skip
    """Solve the chosen problems; ``plan`` (batch, T, N) holds any starts and then the couplings."""
    for i in chosen:
        T, N = lengths_a[i], lengths_b[i]
        p_i, q_i = p[i, :T], q[i, :N]
        marginals = p_i, q_i, _log(p_i, settings.log_zero), _log(q_i, settings.log_zero)
        costs = _centred_costs(node[i], edge_a[i], edge_b[i], p_i, q_i, settings.one - settings.alpha)
        coupling, reference = _starting_point(plan[i], marginals, settings)
        coupling, n_iter[i], converged[i] = _descend(costs, marginals, coupling, reference, settings)
        error[i] = _marginal_error(coupling, p_i, q_i, settings.hard_frames)
        for k in range(T):
            for j in range(N):
                plan[i, k, j] = coupling[j, k]


@compiled
def _log(weights, log_zero):
    out = np.empty_like(weights)
    for i in range(len(weights)):
        out[i] = log_zero if weights[i] == 0 else math.log(weights[i])
    return out


@compiled
def _starting_point(start, marginals, settings):
    """See ``mirror_descent.starting_point``; the first coupling and reference (N, T)."""
    p, q, log_p, log_q = marginals
    coupling, reference = np.empty((len(q), len(p)), p.dtype), np.empty((len(q), len(p)), p.dtype)
    smallest = np.finfo(p.dtype).tiny
    for j in range(len(q)):
        for i in range(len(p)):
            coupling[j, i] = q[j] * p[i] if settings.independent_start else start[i, j]
            reference[j, i] = log_q[j] + log_p[i]
            if settings.proximal and not settings.independent_start and q[j] > 0 and p[i] > 0:
                reference[j, i] = math.log(smallest if coupling[j, i] < smallest else coupling[j, i])
    return coupling, reference


@compiled
def _descend(costs, marginals, coupling, reference, settings):
    """Take mirror-descent steps from ``coupling`` (N, T); return the last, their number and the outcome."""
    p, q, _, _ = marginals
    N, T = coupling.shape
    f, g = np.zeros_like(p), np.zeros_like(q)
    log_kernel, product = np.empty_like(coupling), np.empty_like(coupling)
    previous = np.empty_like(coupling)
    for step in range(settings.max_iter):
        independent = step == 0 and settings.independent_start
        _log_kernel(costs, coupling, q, independent, reference, settings, product, log_kernel)
        coupling, previous = previous, coupling
        sinkhorn_one(log_kernel, marginals, settings, f, g, coupling)
        if settings.proximal:
            for j in range(N):
                for i in range(T):
                    reference[j, i] = log_kernel[j, i] + f[i] + g[j]
        if (
            _distance(coupling, previous) <= settings.tol
            and _marginal_error(coupling, p, q, settings.hard_frames) <= settings.tol
        ):
            return coupling, step + 1, True
    return coupling, settings.max_iter, False


@compiled
def _centred_costs(node, edge_a, edge_b, p, q, node_weight):
    """See ``mirror_descent``; the node cost comes weighted and transposed to (N, T)."""
    N, T = len(q), len(p)
    weighted = np.empty((N, T), node.dtype)
    for j in range(N):
        mean = p.dtype.type(0)
        for i in range(T):
            mean += p[i] * node[i, j]
        for i in range(T):
            weighted[j, i] = node_weight * (node[i, j] - mean)
    centre = (_mean(edge_a, p) + _mean(edge_b, q)) / p.dtype.type(2)
    return weighted, _shifted(edge_a, centre, T), _shifted(edge_b, centre, N)


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
def _shifted(edge, centre, size):
    out = np.empty((size, size), edge.dtype)
    for i in range(size):
        for k in range(size):
            out[i, k] = edge[i, k] - centre
    return out


@compiled
def _log_kernel(costs, coupling, q, independent, reference, settings, product, out):
    """``reference - ∇FGW(coupling) / epsilon`` up to a constant for each token; ``product`` is a buffer."""
    node, edge_a, edge_b = costs
    N, T = coupling.shape
    weight, scale = settings.alpha + settings.alpha, settings.one / settings.epsilon
    square = np.zeros(T, q.dtype)
    out[:] = 0
    if settings.alpha > 0:
        _edge_terms(edge_a, edge_b, coupling, q, independent, settings.blas, square, product, out)
    for j in range(N):
        for i in range(T):
            gradient = node[j, i] + weight * (square[i] - out[j, i] - out[j, i])
            out[j, i] = reference[j, i] - scale * gradient


@compiled
def _edge_terms(edge_a, edge_b, coupling, q, independent, blas, square, product, cross):
    """Add ``A² γ1`` to ``square`` (T,) and ``(A γ B)ᵀ`` to ``cross`` (N, T)."""
    N, T = coupling.shape
    frame_sum, row, keep_all = np.zeros((1, T), q.dtype), np.zeros((1, T), q.dtype), np.full_like(q, -1)
    for j in range(N):
        for k in range(T):
            frame_sum[0, k] += coupling[j, k]
    # What is this far below the independent coupling is lost in the rounding of the sum.
    negligible = np.finfo(q.dtype).eps / T * q
    dense = blas and not independent and _share_kept(coupling, negligible) > DENSE
    product[:] = 0
    for k in range(0, T, 4):  # a few rows of A at a time: they are read from memory once for all terms
        some = edge_a[k : k + 4]
        _add_squares(square, frame_sum[0, k : k + 4], some)
        if independent:  # the rows of γᵀ A are then multiples of one
            add_product(row, frame_sum[:, k : k + 4], some, keep_all)
        elif not dense:
            add_product(product, coupling[:, k : k + 4], some, negligible)
    if dense:
        product[:] = np.dot(coupling, edge_a)
    if independent:
        for j in range(N):
            for i in range(T):
                product[j, i] = q[j] * row[0, i]
    add_product(cross, edge_b, product, keep_all)


@compiled
def _add_squares(out, weights, edge):
    for k in range(len(weights)):
        for i in range(len(out)):
            out[i] += weights[k] * edge[k, i] * edge[k, i]


@compiled
def _share_kept(coupling, negligible):
    """Share of a coupling that ``add_product`` does not skip."""
    N, T = coupling.shape
    count = 0
    for j in range(N):
        for k in range(0, T - 3, 4):
            four = coupling[j, k] + coupling[j, k + 1] + coupling[j, k + 2] + coupling[j, k + 3]
            count += four > negligible[j]
    return 4 * count / (N * T)


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
