"""Sinkhorn iterations that cannot overflow: exact in the log domain, fast in between.

Everything here is laid out (batch, N, T), tokens before frames: both reductions then run along the long
dimension in memory.
"""

from typing import NamedTuple

import torch
from torch import Tensor

# Stands for log 0. It is finite, so that differences of it are never NaN, and so low that no cost reaches it.
LOG_ZERO = -1e30

# Scaling iterations between two exact ones. Each can widen the range of the scalings by up to 1/min(p, q), so
# a longer run could leave float32 on problems that converge slowly.
LONGEST_RUN = 20

# Denominators stay above this; the exact iteration that follows mends what the guard touched.
SMALLEST_SUM = 1e-30


class Scaled(NamedTuple):
    """A kernel scaled to its marginals.

    Attributes:
        coupling: (batch, N, T), exactly zero where a marginal is.
        log_coupling: (batch, N, T), finite everywhere.
        f: Frame potentials (batch, 1, T).
        g: Token potentials (batch, N, 1).
    """

    coupling: Tensor
    log_coupling: Tensor
    f: Tensor
    g: Tensor


def sinkhorn(
    log_kernel: Tensor,
    log_p: Tensor,
    log_q: Tensor,
    g: Tensor,
    iterations: int,
    frame_exponent: float = 1.0,
    overrelaxation: float = 1.0,
) -> Scaled:
    """Scale a kernel towards its marginals, frames first and tokens last: the token side holds exactly.

    The coupling is ``exp(f_i + log_kernel_ij + g_j)``; each iteration sets

        f_i = frame_exponent (log p_i - log Σ_j exp(log_kernel_ij + g_j))
        g_j = log q_j - log Σ_i exp(log_kernel_ij + f_i)

    With ``overrelaxation`` above 1 the iterations between the exact ones go that many times as far wherever
    the plain step would change ``exp(f_i)`` or ``exp(g_j)`` by less than a factor of two.

    Args:
        log_kernel: (batch, N, T); ``LOG_ZERO`` or lower where a marginal is zero.
        log_p: (batch, 1, T); ``LOG_ZERO`` where a frame has no weight.
        log_q: (batch, N, 1); ``LOG_ZERO`` where a token has no weight.
        g: Token potentials to start from (batch, N, 1); zeros for a fresh start.
        iterations: Pairs of half-steps, >= 1.
        frame_exponent: 1 for a hard frame marginal, rho / (rho + epsilon) for one relaxed by KL.
        overrelaxation: Length of a step, in [1, 2); 1 is plain Sinkhorn.

    Source: Schmitzer, "Stabilized sparse scaling algorithms for entropy regularized transport problems", 2019
    (absorption); Chizat et al., "Scaling algorithms for unbalanced optimal transport problems", 2018 (the
    exponent); Thibault et al., "Overrelaxed Sinkhorn-Knopp algorithm for regularized optimal
    transport", 2021.
    """
    scaled = _exact_iteration(log_kernel, log_p, log_q, g, frame_exponent)
    done = 1
    while done < iterations:
        run = min(LONGEST_RUN, iterations - done) - 1
        g = scaled.g + _scale(scaled, log_p, log_q, run, frame_exponent, overrelaxation)
        scaled = _exact_iteration(log_kernel, log_p, log_q, g, frame_exponent)
        done += run + 1
    return scaled


def _exact_iteration(
    log_kernel: Tensor, log_p: Tensor, log_q: Tensor, g: Tensor, frame_exponent: float
) -> Scaled:
    f = frame_exponent * (log_p - torch.logsumexp(log_kernel + g, dim=1, keepdim=True))  # (batch, 1, T)
    shifted = log_kernel + f  # (batch, N, T)
    highest = shifted.amax(dim=2, keepdim=True)  # (batch, N, 1)
    shifted -= highest
    coupling = shifted.exp()
    total = coupling.sum(dim=2, keepdim=True)  # (batch, N, 1), between 1 and T
    coupling *= log_q.exp() / total
    shifted += log_q - total.log()
    return Scaled(coupling, shifted, f, log_q - highest - total.log())


def _scale(
    scaled: Scaled,
    log_p: Tensor,
    log_q: Tensor,
    iterations: int,
    frame_exponent: float,
    overrelaxation: float,
) -> Tensor:
    """Return what ``iterations`` scalings of the coupling add to its token potentials (batch, N, 1)."""
    p, q = log_p.exp(), log_q.exp().mT  # (batch, 1, T), (batch, 1, N)
    # The relaxed scaling depends on the potential f that the coupling has absorbed; the level of f is free,
    # because the token scaling takes it up.
    memory = torch.where(p > 0, (frame_exponent - 1) * scaled.f, LOG_ZERO)
    memory = (memory - memory.amax(dim=2, keepdim=True)).exp()  # (batch, 1, T)
    u, v = torch.ones_like(p), torch.ones_like(q)
    for _ in range(iterations):
        frame_sum = (v @ scaled.coupling).clamp_min(SMALLEST_SUM)  # (batch, 1, T)
        u = _overrelax(u, memory * (p / frame_sum) ** frame_exponent, overrelaxation)
        token_sum = (u @ scaled.coupling.mT).clamp_min(SMALLEST_SUM)  # (batch, 1, N)
        v = _overrelax(v, q / token_sum, overrelaxation)
    return torch.where(q > 0, v, 1.0).log().mT


def _overrelax(old: Tensor, plain: Tensor, overrelaxation: float) -> Tensor:
    """``old r^ω`` with ``r = plain / old`` where r is within a factor of two, to second order.

    ``1 + ω (r - 1) + ω (ω - 1) / 2 (r - 1)²`` is within 3 % of ``r^ω`` there and has its slope at 1: the same
    fixed point, the same speed near it, and no powers to compute.
    """
    if overrelaxation == 1:
        return plain
    ratio = plain / old
    step = ratio - 1
    further = old * (1 + overrelaxation * step * (1 + (overrelaxation - 1) / 2 * step))
    return torch.where((ratio > 0.5) & (ratio < 2), further, plain)
