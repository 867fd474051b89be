"""The fused Gromov-Wasserstein cost of a given coupling, with its closed-form gradient."""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from espnet_gmot.ot.problem import masked, within


class FusedCost(torch.autograd.Function):
    """Cost of a coupling that is held fixed: nothing of the search is unrolled (envelope theorem).

    With ``p̂ = γ1`` and ``q̂ = γᵀ1``, the sums that the coupling really has:

        node  = ⟨D, γ⟩
        edge  = Σ_ijkl (A_ik - B_jl)² γ_ij γ_kl = p̂ᵀ A² p̂ + q̂ᵀ B² q̂ - 2 ⟨A γ Bᵀ, γ⟩     (squares elementwise)
        value = (1 - alpha) node + alpha edge

        ∂value/∂D = (1 - alpha) γ
        ∂value/∂A = 2 alpha (A ⊙ p̂ p̂ᵀ - γ B γᵀ)
        ∂value/∂B = 2 alpha (B ⊙ q̂ q̂ᵀ - γᵀ A γ)

    Source: Peyré, Cuturi and Solomon, "Gromov-Wasserstein averaging of kernel and distance matrices",
    ICML 2016, proposition 1 (the factorised cost).
    """

    @staticmethod
    def forward(
        ctx, D: Tensor, A: Tensor, B: Tensor, plan: Tensor, alpha: float, lengths: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(A, B, plan)
        ctx.alpha, ctx.lengths = alpha, lengths
        frames, tokens = _masks(plan, lengths)
        p, q = plan.sum(2), plan.sum(1)  # (batch, T), (batch, N)
        D, A, B = masked(D, frames, tokens), masked(A, frames, frames), masked(B, tokens, tokens)
        node = (D * plan).sum((1, 2))  # (batch,)
        cross = ((A @ plan @ B.mT) * plan).sum((1, 2))
        edge = _quadratic_form(p, A**2) + _quadratic_form(q, B**2) - 2 * cross
        edge = edge.clamp_min(0)  # a sum of squares that rounding can bring below zero
        ctx.mark_non_differentiable(node, edge)
        return (1 - alpha) * node + alpha * edge, node, edge

    @staticmethod
    @once_differentiable
    def backward(
        ctx, grad_value: Tensor, _grad_node: Tensor, _grad_edge: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None, None]:
        A, B, plan = ctx.saved_tensors
        need_D, need_A, need_B, *_ = ctx.needs_input_grad
        scale = grad_value[:, None, None]  # (batch, 1, 1)
        grad_D = grad_A = grad_B = None
        frames, tokens = _masks(plan, ctx.lengths)
        with torch.autocast(plan.device.type, enabled=False):
            if need_D:
                grad_D = scale * (1 - ctx.alpha) * plan
            if need_A:
                p = plan.sum(2)
                grad_A = masked(A * _outer(p) - plan @ masked(B, tokens, tokens) @ plan.mT, frames, frames)
                grad_A *= 2 * ctx.alpha * scale
            if need_B:
                q = plan.sum(1)
                grad_B = masked(B * _outer(q) - plan.mT @ masked(A, frames, frames) @ plan, tokens, tokens)
                grad_B *= 2 * ctx.alpha * scale
        return grad_D, grad_A, grad_B, None, None, None


def fused_cost(
    D: Tensor,
    A: Tensor,
    B: Tensor,
    plan: Tensor,
    alpha: float,
    lengths: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Cost of a batch of couplings; see ``FusedCost`` for the equations.

    Args:
        D: Node cost (batch, T, N).
        A: Edge cost among frames (batch, T, T).
        B: Edge cost among tokens (batch, N, N).
        plan: Coupling (batch, T, N), held fixed; zero on padding.
        alpha: Weight of the edge cost in [0, 1].
        lengths: Valid frames and tokens (batch,) each; padded costs may then hold anything. None: no padding.

    Returns:
        value, node and edge (batch,) each; only value carries gradients, to ``D``, ``A`` and ``B``.
    """
    return FusedCost.apply(D, A, B, plan, alpha, lengths)


def _masks(plan: Tensor, lengths: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
    """Return the valid frames (batch, T) and tokens (batch, N)."""
    batch, n_frames, n_tokens = plan.shape
    if lengths is None:
        return plan.new_ones(batch, n_frames, dtype=bool), plan.new_ones(batch, n_tokens, dtype=bool)
    return within(lengths[0], n_frames), within(lengths[1], n_tokens)


def _quadratic_form(x: Tensor, matrix: Tensor) -> Tensor:
    return torch.einsum("bi,bij,bj->b", x, matrix, x)


def _outer(x: Tensor) -> Tensor:
    return x[:, :, None] * x[:, None, :]
