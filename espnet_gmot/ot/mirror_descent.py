"""Mirror descent on the fused Gromov-Wasserstein cost: one Sinkhorn problem a step."""

from typing import NamedTuple

import torch
from torch import Tensor

from espnet_gmot.ot.options import SolverOptions
from espnet_gmot.ot.problem import TransportProblem
from espnet_gmot.ot.sinkhorn import LOG_ZERO, sinkhorn


class Solution(NamedTuple):
    """What a backend returns.

    Attributes:
        plan: Coupling (batch, T, N), exactly zero on padding.
        n_iter: Mirror-descent steps that each problem took (batch,).
        converged: Whether the last step of a problem met the tolerance (batch,).
        error: ``marginal_error`` of the coupling (batch,).
    """

    plan: Tensor
    n_iter: Tensor
    converged: Tensor
    error: Tensor


def mirror_descent(problem: TransportProblem, options: SolverOptions) -> Solution:
    """Search a coupling from ``p qᵀ``, or from ``problem.start``, all problems of a batch at once.

    Each step minimises ``⟨∇FGW(γ_k), γ⟩ + epsilon KL(γ | R)``, plus ``rho_a KL(γ1 | p)`` where frames are
    relaxed, with ``R = γ_k`` for the proximal and ``R = p qᵀ`` for the entropic scheme (with hard marginals
    the latter is entropic regularisation). The token potentials carry over from step to step: near a fixed
    point the next step needs the same ones. With ``alpha = 0`` all steps together are therefore one Sinkhorn
    problem: entropic steps are one run of it, proximal steps one run with epsilon-scaling, in which step k
    works at ``epsilon / k``. A finished problem (see ``SolverOptions.tol``) keeps its coupling, so that its
    result does not depend on the rest of the batch.

    Source: Peyré, Cuturi and Solomon, "Gromov-Wasserstein averaging of kernel and distance matrices",
    ICML 2016 (entropic); Xu et al., "Gromov-Wasserstein learning for graph matching and node embedding",
    ICML 2019 (proximal); Schmitzer, "Stabilized sparse scaling algorithms for entropy regularized transport
    problems", 2019 (epsilon-scaling).
    """
    costs = _TransposedCosts(problem, options.alpha)
    plan, reference, log_p, log_q = starting_point(problem, options)
    g = torch.zeros_like(log_q)
    active = torch.ones_like(problem.lengths_a, dtype=torch.bool)  # (batch,)
    n_iter = torch.zeros_like(problem.lengths_a)
    for _ in range(options.max_iter):
        log_kernel = reference - costs.gradient(plan) / options.epsilon
        scaled = sinkhorn(
            log_kernel,
            log_p,
            log_q,
            g,
            options.sinkhorn_iter,
            options.frame_exponent,
            options.overrelaxation,
        )
        g = scaled.g
        if options.scheme == "proximal":
            reference = scaled.log_coupling

        change = (scaled.coupling - plan).abs().sum((1, 2))  # (batch,)
        error = marginal_error(scaled.coupling.mT, problem, options)  # (batch,)
        plan = torch.where(active[:, None, None], scaled.coupling, plan)
        n_iter += active
        active = active & ~((change <= options.tol) & (error <= options.tol))
        if not active.any():
            break
    plan = plan.mT.contiguous()
    return Solution(plan, n_iter, ~active, marginal_error(plan, problem, options))


def starting_point(
    problem: TransportProblem, options: SolverOptions
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the first coupling, the logarithm of the first reference, log p and log q.

    Entries of a given start that are zero begin, in the proximal scheme, at the smallest number there is:
    the steps can raise them.

    Returns:
        (batch, N, T) twice, (batch, 1, T) and (batch, N, 1); ``LOG_ZERO`` stands where a marginal is zero.
    """
    p, q = problem.p[:, None, :], problem.q[:, :, None]  # (batch, 1, T), (batch, N, 1)
    log_p, log_q = p.log().clamp_min(LOG_ZERO), q.log().clamp_min(LOG_ZERO)
    reference = log_p + log_q
    if problem.start is None:
        return p * q, reference, log_p, log_q
    plan = problem.start.mT.clone(memory_format=torch.contiguous_format)
    if options.scheme == "proximal":
        log_plan = plan.clamp_min(torch.finfo(plan.dtype).tiny).log()
        reference = torch.where(reference > LOG_ZERO / 2, log_plan, LOG_ZERO)
    return plan, reference, log_p, log_q


def marginal_error(plan: Tensor, problem: TransportProblem, options: SolverOptions) -> Tensor:
    """L1 distance (batch,) between the sums of a coupling (batch, T, N) and its hard marginals."""
    error = (plan.sum(1) - problem.q).abs().sum(1)
    if options.rho_a is None:
        error = error + (plan.sum(2) - problem.p).abs().sum(1)
    return error


class _TransposedCosts:
    """The costs of a problem and their gradient, laid out (batch, N, T) as the Sinkhorn iterations are.

    Costs are centred by shifts that change no coupling: a constant for each token in D (token marginals are
    hard), one constant in both A and B (only ``A_ik - B_jl`` counts). The exponents ``gradient / epsilon``
    are then small enough for float32: without the shifts, a problem in a batch and the same problem alone
    would differ by 1e-5.
    """

    def __init__(self, problem: TransportProblem, alpha: float) -> None:
        self.alpha = alpha
        node, edge_a, edge_b = problem.masked_costs()
        node = node - problem.p[:, None, :] @ node  # (batch, T, N)
        self.node = ((1 - alpha) * node).mT.contiguous()  # (batch, N, T)
        centre = (_mean(edge_a, problem.p) + _mean(edge_b, problem.q)) / 2  # (batch, 1, 1)
        self.edge_a = edge_a - centre  # (batch, T, T)
        self.edge_a_squared = self.edge_a**2
        self.edge_b = edge_b - centre  # (batch, N, N)

    def gradient(self, plan: Tensor) -> Tensor:
        """Gradient of the cost at a coupling (batch, N, T), up to a constant for each token.

        ``(1 - alpha) D + 2 alpha (A² γ1 1ᵀ - 2 A γ B)``, transposed. The term ``1 (B² γᵀ1)ᵀ`` is the
        constant: token marginals are hard, so it changes nothing.
        """
        if self.alpha == 0:
            return self.node
        frame_sum = plan.sum(1, keepdim=True)  # (batch, 1, T)
        square_term = frame_sum @ self.edge_a_squared  # (batch, 1, T)
        cross_term = self.edge_b @ (plan @ self.edge_a)  # (batch, N, T)
        return self.node + 2 * self.alpha * (square_term - 2 * cross_term)


def _mean(edge: Tensor, weights: Tensor) -> Tensor:
    return weights[:, None, :] @ edge @ weights[:, :, None]  # (batch, 1, 1)
