"""Sinkhorn iterations of one problem, compiled by numba; ``sinkhorn`` has the equations."""

import math

import numpy as np

from espnet_gmot.ot.numba_parts import compiled, exp

# A row with less than this is summed again from its own largest exponent.
SMALLEST_ROW = 1e-20

# Scalings take the coupling in blocks of this many tokens and frames.
ROWS, LANES = 4, 32


@compiled
def sinkhorn_one(log_kernel, marginals, settings, f, g, coupling):
    """``sinkhorn.sinkhorn`` for one problem: ``f``, ``g`` and ``coupling`` are replaced."""
    _exact_iteration(log_kernel, marginals, settings.frame_exponent, f, g, coupling)
    done = 1
    while done < settings.sinkhorn_iter:
        run = min(settings.longest_run, settings.sinkhorn_iter - done) - 1
        _scale(coupling, marginals, run, settings, f, g)
        _exact_iteration(log_kernel, marginals, settings.frame_exponent, f, g, coupling)
        done += run + 1


@compiled
def _exact_iteration(log_kernel, marginals, frame_exponent, f, g, coupling):
    # Exponents are stored before their maximum is subtracted: reordered sums could leave it above zero.
    _, q, log_p, log_q = marginals
    N, T = log_kernel.shape
    highest, total = np.full_like(f, -np.inf), np.zeros_like(f)
    for j in range(N):
        for i in range(T):
            coupling[j, i] = log_kernel[j, i] + g[j]
            highest[i] = max(highest[i], coupling[j, i])
    for j in range(N):
        for i in range(T):
            coupling[j, i] = exp(coupling[j, i] - highest[i])
            total[i] += coupling[j, i]
    level = f.dtype.type(-np.inf)
    for i in range(T):
        f[i] = frame_exponent * (log_p[i] - highest[i] - math.log(total[i]))
        highest[i] += f[i]
        level = max(level, highest[i])
    for i in range(T):
        total[i] = exp(highest[i] - level)
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
    """Set ``coupling`` to ``exp(log_kernel + f - level)``; return the level and the sum."""
    level, row_sum = log_kernel[0] + f[0], f.dtype.type(0)
    for i in range(len(f)):
        coupling[i] = log_kernel[i] + f[i]
        level = max(level, coupling[i])
    for i in range(len(f)):
        coupling[i] = exp(coupling[i] - level)
        row_sum += coupling[i]
    return level, row_sum


@compiled
def _scale(coupling, marginals, iterations, settings, f, g):
    """Add to ``g`` what scalings of the coupling change; see ``sinkhorn._scale``.

    Works on a copy padded by zeros, so that no loop has a rest; what has no weight stays at zero.
    """
    frame_exponent, smallest = settings.frame_exponent, settings.smallest_sum
    first = settings.overrelaxation
    second = first * (first - settings.one) / (settings.one + settings.one)
    gamma = _padded(coupling, ROWS, LANES)
    p, q = _padded_weights(marginals[0], LANES), _padded_weights(marginals[1], ROWS)
    memory = _padded_weights(_memory(marginals, frame_exponent - settings.one, f), LANES)
    u, v = np.ones_like(p), np.ones_like(q)
    frame_sum, token_sum = np.empty_like(p), np.empty_like(q)
    for _ in range(iterations):
        _sum_tokens(gamma, v, frame_sum)
        if frame_exponent != 1:
            for i in range(len(u)):
                plain = memory[i] * (p[i] / max(frame_sum[i], smallest)) ** frame_exponent
                u[i] = _overrelax(u[i], plain, first, second)
        else:
            for i in range(len(u)):
                u[i] = _overrelax(u[i], p[i] / max(frame_sum[i], smallest), first, second)
        _sum_frames(gamma, u, token_sum)
        for j in range(len(v)):
            v[j] = _overrelax(v[j], q[j] / max(token_sum[j], smallest), first, second)
    for j in range(len(g)):
        if q[j] > 0:
            g[j] += math.log(v[j])


@compiled
def _memory(marginals, power, f):
    """What the relaxed scaling keeps of the potential that the coupling has absorbed."""
    p, _, log_p, _ = marginals
    memory = log_p.copy()
    level = p.dtype.type(-np.inf)
    for i in range(len(p)):
        if p[i] > 0:
            memory[i] = power * f[i]
        level = max(level, memory[i])
    for i in range(len(p)):
        memory[i] = exp(memory[i] - level)
    return memory


@compiled
def _padded(matrix, rows, columns):
    """A copy with as many more rows and columns of zeros as make multiples of ``rows`` and ``columns``."""
    N, T = matrix.shape
    out = np.zeros((-(-N // rows) * rows, -(-T // columns) * columns), matrix.dtype)
    for j in range(N):
        for i in range(T):
            out[j, i] = matrix[j, i]
    return out


@compiled
def _padded_weights(weights, size):
    out = np.zeros(-(-len(weights) // size) * size, weights.dtype)
    for i in range(len(weights)):
        out[i] = weights[i]
    return out


@compiled
def _sum_tokens(gamma, v, out):
    """``out = v gamma``, ``ROWS`` rows at a time: ``out`` is read and written a fourth as often."""
    out[:] = 0
    for j in range(0, gamma.shape[0], ROWS):
        v0, v1, v2, v3 = v[j], v[j + 1], v[j + 2], v[j + 3]
        for i in range(gamma.shape[1]):
            out[i] += v0 * gamma[j, i] + v1 * gamma[j + 1, i] + v2 * gamma[j + 2, i] + v3 * gamma[j + 3, i]


@compiled
def _sum_frames(gamma, u, out):
    """``out = gamma u``, likewise: ``u`` is read a fourth as often."""
    for j in range(0, gamma.shape[0], ROWS):
        s0 = s1 = s2 = s3 = u.dtype.type(0)
        for i in range(gamma.shape[1]):
            s0 += u[i] * gamma[j, i]
            s1 += u[i] * gamma[j + 1, i]
            s2 += u[i] * gamma[j + 2, i]
            s3 += u[i] * gamma[j + 3, i]
        out[j], out[j + 1], out[j + 2], out[j + 3] = s0, s1, s2, s3


@compiled
def _overrelax(old, plain, first, second):
    """See ``sinkhorn._overrelax``; the coefficients of the two orders, the second 0 for plain Sinkhorn."""
    step = (plain - old) / old
    near = second > 0 and plain + plain > old and plain < old + old
    return old + old * step * (first + second * step) if near else plain
