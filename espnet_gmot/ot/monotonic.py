"""The cheapest monotonic coupling: every frame to one token, in order, by dynamic programming."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from espnet_gmot.ot.gradient import value_node_edge
from espnet_gmot.ot.options import SolverOptions
from espnet_gmot.ot.problem import TransportProblem, make_problem, pairs, within
from espnet_gmot.ot.solve import FusedGromovWasserstein


def monotonic_gromov_wasserstein(
    D: Tensor,
    A: Tensor,
    B: Tensor,
    lengths_a: Tensor | Sequence[int],
    lengths_b: Tensor | Sequence[int],
    p: Tensor | None = None,
    q: Tensor | None = None,
    alpha: float = SolverOptions.alpha,
) -> FusedGromovWasserstein:
    """Match two batches of sequences by the monotonic coupling of least node cost.

    With T ≥ N frame i belongs to the one token s(i), in order, and every token has a frame:

        γ_ij = p_i [j = s(i)]      s = argmin Σ_i p_i D_{i s(i)},  s(1) = 1, s(T) = N, s(i+1) − s(i) ∈ {0, 1}

    so γ1 = p, and γᵀ1 is whatever comes out. With T < N the sides change places: each token belongs to one
    frame, in order, every frame has a token, and γᵀ1 = q. The longer side's marginal thus holds exactly and
    nothing is left out. ``alpha`` weighs node and edge cost of that coupling as in
    ``fused_gromov_wasserstein``, but the node cost alone finds it. There are finitely many monotonic
    couplings, so the best one stays the same under small changes of D: the gradients that hold it fixed are
    those of the costs, except where two couplings cost the same.

    Args:
        D: Node cost (batch, T, N).
        A: Edge cost among frames (batch, T, T), symmetric.
        B: Edge cost among tokens (batch, N, N), symmetric.
        lengths_a: Valid frames (batch,), each in 1..T; what lies beyond is ignored.
        lengths_b: Valid tokens (batch,), each in 1..N.
        p: Frame marginal (batch, T), summing to 1 over valid frames; None is uniform. No gradient reaches it.
        q: Token marginal (batch, N), likewise; it counts where T < N alone.
        alpha: Weight of the edge cost in [0, 1].

    Returns:
        The record of ``fused_gromov_wasserstein``; ``marginal_error`` is that of the longer side.

    Raises:
        InputError: An argument is out of range or does not fit the others; the message names it.

    Source: dynamic time warping without its slope constraint, one sequence never standing still: Sakoe and
    Chiba, "Dynamic programming algorithm optimization for spoken word recognition", IEEE Transactions on
    Acoustics, Speech, and Signal Processing 26(1), 1978. The marginals are the project's own.

    Example:
        >>> D = torch.tensor([[[0.0, 1.0], [0.2, 0.3], [1.0, 0.0]]])
        >>> out = monotonic_gromov_wasserstein(D, torch.zeros(1, 3, 3), torch.zeros(1, 2, 2), [3], [2])
        >>> (3 * out.plan[0]).round().int().tolist()
        [[1, 0], [1, 0], [0, 1]]
    """
    alpha = SolverOptions(alpha=alpha).alpha  # checked
    with torch.autocast(D.device.type, enabled=False):
        problem = make_problem(D, A, B, lengths_a, lengths_b, p, q)
        with torch.no_grad():
            plan, error = _cheapest(problem)
        lengths = (problem.lengths_a, problem.lengths_b)
        value, node, edge = value_node_edge(*problem[:3], plan, alpha, lengths)
    n_iter = torch.zeros_like(problem.lengths_a)
    return FusedGromovWasserstein(value, node, edge, error, plan, n_iter, torch.ones_like(n_iter).bool())


def _cheapest(problem: TransportProblem) -> tuple[Tensor, Tensor]:
    """Return the couplings (batch, T, N) and the errors (batch,) of their longer sides' marginals."""
    node, _, _, p, q, lengths_a, lengths_b, _ = problem
    _, T, N = node.shape
    tall = lengths_a >= lengths_b  # (batch,)
    longer, shorter = max(T, N), min(T, N)  # no problem's longer or shorter side is padded to more
    cost = _along(tall, p[:, :, None] * node, q[:, :, None] * node.mT, longer, shorter)
    path = _paths(cost, torch.maximum(lengths_a, lengths_b), torch.minimum(lengths_a, lengths_b))
    plan = _along(tall, path, path.mT, T, N) * torch.where(tall[:, None, None], p[:, :, None], q[:, None, :])
    error_a, error_b = (plan.sum(2) - p).abs().sum(1), (plan.sum(1) - q).abs().sum(1)
    return plan, torch.where(tall, error_a, error_b)


def _along(tall: Tensor, upright: Tensor, turned: Tensor, rows: int, columns: int) -> Tensor:
    """Take ``upright`` where ``tall`` (batch,), else ``turned``, each cut or padded with 0 to one size."""
    upright, turned = (pad(x, (0, columns - x.shape[2], 0, rows - x.shape[1])) for x in (upright, turned))
    return torch.where(tall[:, None, None], upright, turned)  # (batch, rows, columns)


def _paths(cost: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Mark the cheapest path (batch, R, C) down each cost that gives every row one column, in order.

    Column by column: ``best_j(i) = min_{b ≤ i} best_{j−1}(b − 1) + Σ_{b ≤ k ≤ i} cost_kj`` is the least cost
    of the rows up to i with the last of them in column j, and b the row where j begins. With sums from the
    top the minimum over b is a running one, so there is no loop over rows. Differences of long sums need
    float64.

    Args:
        cost: (batch, R, C); may hold anything outside its rows and columns.
        rows: how many rows count (batch,).
        columns: how many columns count (batch,), no more than the rows.
    """
    batch, R, C = cost.shape
    inside = pairs(within(rows, R), within(columns, C))  # (batch, R, C)
    cost = torch.where(inside, cost.double(), 0.0)
    sums = cost.cumsum(1)  # (batch, R, C)
    before = pad(sums[:, :-1], (0, 0, 1, 0))  # without their own row
    above = cost.new_full((batch, R), torch.inf)  # best_{j−1}(b − 1)
    above[:, 0] = 0.0
    begins = []
    for j in range(C):
        reached, begin = (above - before[:, :, j]).cummin(1)  # (batch, R)
        begins.append(begin)
        above = pad((reached + sums[:, :, j])[:, :-1], (1, 0), value=torch.inf)

    first = rows[:, None].repeat(
        1, C + 1
    )  # (batch, C + 1), the row where each column begins; the end after all
    for j in reversed(range(C)):
        last = (first[:, j + 1] - 1).clamp_min(0)  # NaN in a cost can lead above the first row
        first[:, j] = torch.where(j < columns, begins[j].gather(1, last[:, None])[:, 0], rows)
    row = torch.arange(R, device=cost.device)[:, None]  # (R, 1)
    return (first[:, None, :-1] <= row) & (row < first[:, None, 1:])  # (batch, R, C)
