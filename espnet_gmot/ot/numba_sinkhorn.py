"""Sinkhorn iterations of one problem, compiled by numba; ``sinkhorn`` has the equations."""

import math

import numpy as np

from espnet_gmot.ot.numba_parts import add_product, compiled, exp

# A row with less than this is summed again from its own largest exponent.
SMALLEST_ROW = 1e-20


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
    """Add to ``g`` what scalings of the coupling change; see ``sinkhorn._scale``."""
    p, q, log_p, _ = marginals
    frame_exponent, smallest = settings.frame_exponent, settings.smallest_sum
    first = settings.overrelaxation
    second = first * (first - settings.one) / (settings.one + settings.one)
    N, T = coupling.shape
    keep_all = np.full(1, -1, p.dtype)
    memory = log_p.copy()
    level = p.dtype.type(-np.inf)
    for i in range(T):
        if p[i] > 0:
            memory[i] = (frame_exponent - settings.one) * f[i]
        level = max(level, memory[i])
    for i in range(T):
        memory[i] = exp(memory[i] - level)
    u, v, plain = np.ones((1, T), p.dtype), np.ones((1, N), q.dtype), np.empty((1, T), p.dtype)
    for _ in range(iterations):
        plain[:] = 0
        add_product(plain, v, coupling, keep_all)
        for i in range(T):
            plain[0, i] = p[i] / max(plain[0, i], smallest)
        if frame_exponent != 1:
            for i in range(T):
                plain[0, i] = memory[i] * plain[0, i] ** frame_exponent
        for i in range(T):
            u[0, i] = _overrelax(u[0, i], plain[0, i], first, second)
        for j in range(N):
            total = p.dtype.type(0)
            for i in range(T):
                total += u[0, i] * coupling[j, i]
            v[0, j] = _overrelax(v[0, j], q[j] / max(total, smallest), first, second)
    for j in range(N):
        if q[j] > 0:
            g[j] += math.log(v[0, j])


@compiled
def _overrelax(old, plain, first, second):
    """See ``sinkhorn._overrelax``; the coefficients of the two orders, the second 0 for plain Sinkhorn."""
    step = (plain - old) / old
    near = second > 0 and plain + plain > old and plain < old + old
    return old + old * step * (first + second * step) if near else plain
