"""Cost and closed-form gradient of given couplings in torch, for any device; see ``gradient.FusedCost``."""

import torch
from torch import Tensor

from espnet_gmot.ot.problem import masked, within

Lengths = tuple[Tensor, Tensor]


def node_and_edge(D: Tensor, A: Tensor, B: Tensor, plan: Tensor, lengths: Lengths) -> tuple[Tensor, Tensor]:
    """Return the node and the edge cost (batch,) of couplings (batch, T, N)."""
    D, A, B = _masked_costs(D, A, B, lengths)
    p, q = plan.sum(2), plan.sum(1)  # (batch, T), (batch, N)
    node = (D * plan).sum((1, 2))  # (batch,)
    cross = ((A @ plan @ B.mT) * plan).sum((1, 2))
    edge = _quadratic_form(p, A**2) + _quadratic_form(q, B**2) - 2 * cross
    return node, edge.clamp_min(0)  # a sum of squares that rounding can bring below 0


def edge_gradients(
    A: Tensor, B: Tensor, plan: Tensor, lengths: Lengths, scale: Tensor
) -> tuple[Tensor, Tensor]:
    """Return ``scale`` (batch,) times A ⊙ p̂ p̂ᵀ - γ B γᵀ (batch, T, T) and B ⊙ q̂ q̂ᵀ - γᵀ A γ (batch, N, N)."""
    _, A, B = _masked_costs(None, A, B, lengths)
    p, q = plan.sum(2), plan.sum(1)  # (batch, T), (batch, N)
    grad_A = A * _outer(p) - plan @ B @ plan.mT
    grad_B = B * _outer(q) - plan.mT @ A @ plan
    return grad_A * scale[:, None, None], grad_B * scale[:, None, None]


def _masked_costs(
    D: Tensor | None, A: Tensor, B: Tensor, lengths: Lengths
) -> tuple[Tensor | None, Tensor, Tensor]:
    frames, tokens = within(lengths[0], A.shape[1]), within(lengths[1], B.shape[1])  # (batch, T), (batch, N)
    D = None if D is None else masked(D, frames, tokens)
    return D, masked(A, frames, frames), masked(B, tokens, tokens)


def _quadratic_form(x: Tensor, matrix: Tensor) -> Tensor:
    return torch.einsum("bi,bij,bj->b", x, matrix, x)


def _outer(x: Tensor) -> Tensor:
    return x[:, :, None] * x[:, None, :]
