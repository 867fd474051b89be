"""The front door of the transport core."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from espnet_gmot.ot.backends import choose_backend
from espnet_gmot.ot.gradient import value_node_edge
from espnet_gmot.ot.options import Scheme, SolverOptions
from espnet_gmot.ot.problem import make_problem


class FusedGromovWasserstein(NamedTuple):
    """A batch of solved problems; ``value``, ``node`` and ``edge`` carry gradients.

    Attributes:
        value: ``(1 - alpha) node + alpha edge`` (batch,), without the regularisation terms.
        node: Node cost of the coupling (batch,).
        edge: Edge cost of the coupling (batch,).
        marginal_error: L1 error (batch,) of the hard marginals; relaxed frames do not count.
        plan: Coupling (batch, T, N), exactly zero on padding; each token's column sums to q.
        n_iter: Mirror-descent steps taken (batch,).
        converged: Whether the last step met ``tol`` (batch,): a fixed point to that precision, which need not
            be a minimum yet. Where alpha is near 1, mass can still grow from next to nothing.
    """

    value: Tensor
    node: Tensor
    edge: Tensor
    marginal_error: Tensor
    plan: Tensor
    n_iter: Tensor
    converged: Tensor


def fused_gromov_wasserstein(
    D: Tensor,
    A: Tensor,
    B: Tensor,
    lengths_a: Tensor | Sequence[int] | None,
    lengths_b: Tensor | Sequence[int] | None,
    p: Tensor | None = None,
    q: Tensor | None = None,
    alpha: float = SolverOptions.alpha,
    epsilon: float = SolverOptions.epsilon,
    scheme: Scheme = SolverOptions.scheme,
    max_iter: int = SolverOptions.max_iter,
    sinkhorn_iter: int = SolverOptions.sinkhorn_iter,
    tol: float = SolverOptions.tol,
    rho_a: float | None = SolverOptions.rho_a,
    backend: str = "auto",
    start: Tensor | None = None,
    overrelaxation: float = SolverOptions.overrelaxation,
) -> FusedGromovWasserstein:
    """Match two batches of graphs by fused Gromov-Wasserstein transport.

    ``FGW(γ) = (1 - alpha) Σ_ij D_ij γ_ij + alpha Σ_ijkl (A_ik - B_jl)² γ_ij γ_kl``, searched by mirror
    descent from ``p qᵀ`` or ``start``. The problem is not convex: the same start gives the same local answer.
    Arithmetic is float32 (float64 if a cost is float64) even under autocast. A NaN in a valid entry stays in
    its own problem.

    Args:
        D: Node cost (batch, T, N).
        A: Edge cost among frames (batch, T, T), symmetric.
        B: Edge cost among tokens (batch, N, N), symmetric.
        lengths_a: Valid frames (batch,), each in 1..T; what lies beyond is ignored. None: all are valid.
        lengths_b: Valid tokens (batch,), each in 1..N, likewise.
        p: Frame marginal (batch, T), summing to 1 over valid frames; None is uniform. No gradient reaches it.
        q: Token marginal (batch, N), likewise.
        alpha: Weight of the edge cost in [0, 1] (POT's ``alpha``). 0 is a linear problem, and all steps are
            one Sinkhorn run of at most ``max_iter * sinkhorn_iter`` iterations: at ``epsilon`` with the
            entropic scheme, epsilon-scaled down to ``epsilon / max_iter`` with the proximal one.
        epsilon: Regularisation > 0, in units of the cost; the step is ``exp(-∇FGW / epsilon)`` with the full
            gradient (factor 2 in the edge term), as in POT's ``entropic_fused_gromov_wasserstein``.
        scheme: ``"proximal"`` (sharp couplings; POT's PPA) or ``"entropic"`` (smooth ones; POT's PGD).
        max_iter: Mirror-descent steps at most.
        sinkhorn_iter: Sinkhorn iterations in each step.
        tol: A problem stops once a step leaves a marginal error and a change of the coupling of at most this
            (L1). The default is about the rounding error of float32.
        rho_a: Relaxes the frame marginal by ``rho_a KL(γ1 | p)``; None keeps it hard. Tokens are always hard.
        backend: ``"auto"`` or the name of a solver in ``BACKENDS``.
        start: Coupling to start from (batch, T, N), such as an earlier result; None is ``p qᵀ``. No gradient
            reaches it.
        overrelaxation: Length of a Sinkhorn step in [1, 2). 1 is plain Sinkhorn; near 1.8 a fraction of
            ``sinkhorn_iter`` does where epsilon is small. For hard marginals only.

    Returns:
        A record of tensors. The gradients of the costs with respect to ``D``, ``A`` and ``B`` hold the
        coupling fixed (envelope theorem) and are exactly zero on padding.

    Raises:
        InputError: An argument is out of range or does not fit the others; the message names it.

    Source: Vayer et al., "Optimal transport for structured data with application on graphs", ICML 2019.

    Example:
        >>> A = torch.tensor([[[0.0, 1.0, 3.0], [1.0, 0.0, 2.0], [3.0, 2.0, 0.0]]])
        >>> out = fused_gromov_wasserstein(torch.zeros(1, 3, 3), A, A, [3], [3], alpha=1.0, max_iter=50)
        >>> (3 * out.plan[0]).round().int().tolist()
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    options = SolverOptions(
        alpha=alpha,
        epsilon=epsilon,
        scheme=scheme,
        max_iter=max_iter,
        sinkhorn_iter=sinkhorn_iter,
        tol=tol,
        rho_a=rho_a,
        overrelaxation=overrelaxation,
    )
    with torch.autocast(D.device.type, enabled=False):
        problem = make_problem(D, A, B, lengths_a, lengths_b, p, q, start)
        solve = choose_backend(backend, problem)
        with torch.no_grad():
            plan, n_iter, converged, error = solve(problem, options)
        lengths = (problem.lengths_a, problem.lengths_b)
        value, node, edge = value_node_edge(*problem[:3], plan, options.alpha, lengths)
    return FusedGromovWasserstein(value, node, edge, error, plan, n_iter, converged)
