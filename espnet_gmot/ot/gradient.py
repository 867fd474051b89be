"""The fused Gromov-Wasserstein cost of a given coupling, with its closed-form gradient."""

import functools
from importlib import import_module
from types import ModuleType

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from espnet_gmot.ot import batched_cost
from espnet_gmot.ot.batched_cost import Lengths


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
        ctx, D: Tensor, A: Tensor, B: Tensor, plan: Tensor, alpha: float, lengths: Lengths
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(A, B, plan)
        ctx.alpha, ctx.lengths = alpha, lengths
        node, edge = _arithmetic(plan).node_and_edge(D, A, B, plan, lengths)
        ctx.mark_non_differentiable(node, edge)
        return (1 - alpha) * node + alpha * edge, node, edge

    @staticmethod
    @once_differentiable
    def backward(
        ctx, grad_value: Tensor, _grad_node: Tensor, _grad_edge: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None, None]:
        A, B, plan = ctx.saved_tensors
        need_D, need_A, need_B, *_ = ctx.needs_input_grad
        grad_D = grad_A = grad_B = None
        if need_D:
            grad_D = (1 - ctx.alpha) * grad_value[:, None, None] * plan
        if need_A or need_B:
            with torch.autocast(plan.device.type, enabled=False):
                scale = 2 * ctx.alpha * grad_value
                grad_A, grad_B = _arithmetic(plan).edge_gradients(A, B, plan, ctx.lengths, scale)
        return grad_D, grad_A, grad_B, None, None, None


def fused_cost(
    D: Tensor,
    A: Tensor,
    B: Tensor,
    plan: Tensor,
    alpha: float,
    lengths: Lengths | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Cost of a batch of couplings; see ``FusedCost`` for the equations.

    Args:
        D: Node cost (batch, T, N), float32 or float64 like the other tensors.
        A: Edge cost among frames (batch, T, T).
        B: Edge cost among tokens (batch, N, N).
        plan: Coupling (batch, T, N), held fixed; zero on padding.
        alpha: Weight of the edge cost in [0, 1].
        lengths: Valid frames and tokens (batch,) each; padded costs may then hold anything. None: no padding.

    Returns:
        value, node and edge (batch,) each; only value carries gradients, to ``D``, ``A`` and ``B``.
    """
    if lengths is None:
        batch, n_frames, n_tokens = plan.shape
        lengths = tuple(torch.full((batch,), size, device=plan.device) for size in (n_frames, n_tokens))
    return FusedCost.apply(D, A, B, plan, alpha, lengths)


def _arithmetic(plan: Tensor) -> ModuleType:
    """Return the module that computes: on the CPU the compiled one, if numba is there."""
    return _compiled() or batched_cost if plan.device.type == "cpu" else batched_cost


@functools.cache
def _compiled() -> ModuleType | None:
    try:
        return import_module("espnet_gmot.ot.numba_cost")
    except ImportError:
        return None
