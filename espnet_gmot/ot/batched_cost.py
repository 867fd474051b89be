"""Cost and closed-form gradient of given couplings in torch, for any device; see ``gradient.FusedCost``."""

import torch
from torch import Tensor

from espnet_gmot.ot.problem import Lengths, masked_costs, masked_edges


def node_and_edge(D: Tensor, A: Tensor, B: Tensor, plan: Tensor, lengths: Lengths) -> tuple[Tensor, Tensor]:
    """Return the node and the edge cost (batch,) of couplings (batch, T, N)."""
    D, A, B = masked_costs(D, A, B, lengths)
    p, q = plan.sum(2), plan.sum(1)  # (batch, T), (batch, N)
    node = (D * plan).sum((1, 2))  # (batch,)
    cross = ((A @ plan @ B.mT) * plan).sum((1, 2))
    edge = _quadratic_form(p, A**2) + _quadratic_form(q, B**2) - 2 * cross
    return node, edge.clamp_min(0)  # a sum of squares that rounding can bring below 0


def frame_edge_gradient(A: Tensor, B: Tensor, plan: Tensor, lengths: Lengths, scale: Tensor) -> Tensor:
    """Return ``scale`` (batch,) times A ⊙ p̂ p̂ᵀ - γ B γᵀ, (batch, T, T)."""
    A, B = masked_edges(A, B, lengths)
    return (A * _outer(plan.sum(2)) - plan @ B @ plan.mT) * scale[:, None, None]


def token_edge_gradient(A: Tensor, B: Tensor, plan: Tensor, lengths: Lengths, scale: Tensor) -> Tensor:
    """Return ``scale`` (batch,) times B ⊙ q̂ q̂ᵀ - γᵀ A γ, (batch, N, N)."""
    A, B = masked_edges(A, B, lengths)
    return (B * _outer(plan.sum(1)) - plan.mT @ A @ plan) * scale[:, None, None]


def _quadratic_form(x: Tensor, matrix: Tensor) -> Tensor:
    return torch.einsum("bi,bij,bj->b", x, matrix, x)


def _outer(x: Tensor) -> Tensor:
    return x[:, :, None] * x[:, None, :]
