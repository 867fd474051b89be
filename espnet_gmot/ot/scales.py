"""Scales of costs, so that a share of one cost means the same whatever its unit."""

import torch
from torch import Tensor

from espnet_gmot.ot.problem import pairs, within

ROUNDING = 1e-5  # of a cost's size: what varies less, in float32, is constant


def standardized_edges(A: Tensor, lengths: Tensor) -> Tensor:
    """Edge cost with mean 0 and standard deviation 1 over all pairs of valid entries.

        A'_ik = (A_ik − mean A) / std A

    Two sides then differ in their pattern alone, as in relational distillation, and edge costs of any kind
    mix on equal terms. Mean and deviation are constants to the gradient.

    Args:
        A: Edge cost (batch, T, T).
        lengths: Valid entries (batch,).

    Returns:
        (batch, T, T), zero on padding, and where A is constant.

    Source: Park et al., "Relational knowledge distillation", CVPR 2019 (distances over their mean; that the
    deviation is taken out too is our own choice).

    Example:
        >>> A = torch.tensor([[[0.0, 2.0], [2.0, 0.0]]])
        >>> standardized_edges(A, torch.tensor([2]))[0].tolist()
        [[-1.0, 1.0], [1.0, -1.0]]
    """
    entries = within(lengths, A.shape[1])  # (batch, T)
    valid = pairs(entries, entries)  # (batch, T, T)
    mean, square = _moments(A, valid, 2)
    mean, spread = (each.to(A)[:, None, None] for each in (mean, _spread(mean, square)))
    return torch.where(valid, A - mean, 0.0) / spread


def balanced_costs(
    D: Tensor, A: Tensor, B: Tensor, lengths_a: Tensor, lengths_b: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Costs of which the node's and the edges' terms both spread by 1 under the independent coupling.

        D / std(D_ij),   A / √s,   B / √s,   s = std((A_ik − B_jl)²)

    with i and k any valid frames, j and l any valid tokens. So ``alpha`` 0.5 gives both terms half. The
    scales are constants to the gradient; a term that does not vary keeps its scale.

    Args:
        D: Node cost (batch, T, N).
        A: Edge cost among frames (batch, T, T).
        B: Edge cost among tokens (batch, N, N).
        lengths_a: Valid frames (batch,).
        lengths_b: Valid tokens (batch,).

    Returns:
        The three costs, of the same shapes.

    Example:
        >>> D, A = torch.tensor([[[0.0, 0.2], [0.2, 0.0]]]), torch.tensor([[[0.0, 3.0], [3.0, 0.0]]])
        >>> two = torch.tensor([2])
        >>> [round(cost.max().item(), 3) for cost in balanced_costs(D, A, A, two, two)]  # (A − B)² is 0 or 9
        [2.0, 1.414, 1.414]
    """
    frames, tokens = within(lengths_a, A.shape[1]), within(lengths_b, B.shape[1])  # (batch, T), (batch, N)
    valid_a, valid_b = pairs(frames, frames), pairs(tokens, tokens)
    node = _spread(*_moments(D, pairs(frames, tokens), 2))
    middle = (_mean(A.detach(), valid_a) + _mean(B.detach(), valid_b))[:, None, None] / 2  # against rounding
    a1, a2, a3, a4 = _moments(A - middle, valid_a, 4)
    b1, b2, b3, b4 = _moments(B - middle, valid_b, 4)
    edge = _spread(a2 - 2 * a1 * b1 + b2, a4 - 4 * a3 * b1 + 6 * a2 * b2 - 4 * a1 * b3 + b4).sqrt()
    node, edge = (scale.to(D)[:, None, None] for scale in (node, edge))
    return D / node, A / edge, B / edge


def _spread(mean: Tensor, square: Tensor) -> Tensor:
    """Standard deviation (batch,), 1 where it is nothing but rounding."""
    spread = (square - mean**2).clamp_min(0).sqrt()
    return torch.where(spread > ROUNDING * square.sqrt(), spread, 1.0)


def _moments(cost: Tensor, valid: Tensor, highest: int) -> list[Tensor]:
    """Means (batch,) of the first powers over the valid entries, in float64: their differences are small."""
    return [_mean(cost.detach().double() ** k, valid) for k in range(1, highest + 1)]


def _mean(values: Tensor, valid: Tensor) -> Tensor:
    """Mean over the valid entries (batch,)."""
    return torch.where(valid, values, 0.0).sum((1, 2)) / valid.sum((1, 2))
