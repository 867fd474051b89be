"""The fused Gromov-Wasserstein cost of a given coupling, with its closed-form gradient."""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


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
        ctx, D: Tensor, A: Tensor, B: Tensor, plan: Tensor, alpha: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(A, B, plan)
        ctx.alpha = alpha
        p, q = plan.sum(2), plan.sum(1)  # (batch, T), (batch, N)
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
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        A, B, plan = ctx.saved_tensors
        need_D, need_A, need_B, *_ = ctx.needs_input_grad
        scale = grad_value[:, None, None]  # (batch, 1, 1)
        grad_D = grad_A = grad_B = None
        with torch.autocast(plan.device.type, enabled=False):
            if need_D:
                grad_D = scale * (1 - ctx.alpha) * plan
            if need_A:
                p = plan.sum(2)
                grad_A = scale * 2 * ctx.alpha * (A * _outer(p) - plan @ B @ plan.mT)
            if need_B:
                q = plan.sum(1)
                grad_B = scale * 2 * ctx.alpha * (B * _outer(q) - plan.mT @ A @ plan)
        return grad_D, grad_A, grad_B, None, None


def fused_cost(D: Tensor, A: Tensor, B: Tensor, plan: Tensor, alpha: float) -> tuple[Tensor, Tensor, Tensor]:
    """Cost of a batch of couplings; see ``FusedCost`` for the equations.

    Args:
        D: Node cost (batch, T, N).
        A: Edge cost among frames (batch, T, T).
        B: Edge cost among tokens (batch, N, N).
        plan: Coupling (batch, T, N), held fixed.
        alpha: Weight of the edge cost in [0, 1].

    Returns:
        value, node and edge (batch,) each; only value carries gradients, to ``D``, ``A`` and ``B``.
    """
    return FusedCost.apply(D, A, B, plan, alpha)


def _quadratic_form(x: Tensor, matrix: Tensor) -> Tensor:
    return torch.einsum("bi,bij,bj->b", x, matrix, x)


def _outer(x: Tensor) -> Tensor:
    return x[:, :, None] * x[:, None, :]
