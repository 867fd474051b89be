"""The fused Gromov-Wasserstein cost of a given coupling, with its closed-form gradient."""

from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from espnet_gmot.errors import InputError
from espnet_gmot.ot import batched_cost
from espnet_gmot.ot.backends import load
from espnet_gmot.ot.problem import Lengths, check_costs, checked_lengths, working_dtype


class FusedCost(torch.autograd.Function):
    """Node and edge cost of a coupling held fixed: nothing of the search is unrolled (envelope theorem).

    With ``p̂ = γ1`` and ``q̂ = γᵀ1``, the sums that the coupling really has:

        node  = ⟨D, γ⟩
        edge  = Σ_ijkl (A_ik - B_jl)² γ_ij γ_kl = p̂ᵀ A² p̂ + q̂ᵀ B² q̂ - 2 ⟨A γ Bᵀ, γ⟩     (squares elementwise)

        ∂node/∂D = γ        ∂edge/∂A = 2 (A ⊙ p̂ p̂ᵀ - γ B γᵀ)        ∂edge/∂B = 2 (B ⊙ q̂ q̂ᵀ - γᵀ A γ)

    Source: Peyré, Cuturi and Solomon, "Gromov-Wasserstein averaging of kernel and distance matrices",
    ICML 2016, proposition 1 (the factorised cost).
    """

    @staticmethod
    def forward(
        ctx: Any, D: Tensor, A: Tensor, B: Tensor, plan: Tensor, lengths: Lengths
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(A, B, plan)
        ctx.lengths = lengths
        return _arithmetic(plan).node_and_edge(D, A, B, plan, lengths)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_node: Tensor, grad_edge: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        A, B, plan = ctx.saved_tensors
        need_D, need_A, need_B, *_ = ctx.needs_input_grad
        grad_D = grad_A = grad_B = None
        if need_D:
            grad_D = grad_node[:, None, None] * plan
        with torch.autocast(plan.device.type, enabled=False):
            arithmetic, scale = _arithmetic(plan), 2 * grad_edge
            if need_A:
                grad_A = arithmetic.frame_edge_gradient(A, B, plan, ctx.lengths, scale)
            if need_B:
                grad_B = arithmetic.token_edge_gradient(A, B, plan, ctx.lengths, scale)
        return grad_D, grad_A, grad_B, None, None


def fused_cost(
    D: Tensor,
    A: Tensor,
    B: Tensor,
    plan: Tensor,
    alpha: float,
    lengths: Lengths | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Cost of a batch of couplings, ``(1 - alpha) node + alpha edge``; see ``FusedCost`` for the two.

    Arithmetic is float32 (float64 if a tensor is float64) even under autocast.

    Args:
        D: Node cost (batch, T, N).
        A: Edge cost among frames (batch, T, T).
        B: Edge cost among tokens (batch, N, N).
        plan: Coupling (batch, T, N), held fixed; zero on padding.
        alpha: Weight of the edge cost in [0, 1].
        lengths: Valid frames and tokens (batch,) each; padded costs may then hold anything. None: no padding.

    Returns:
        value, node and edge (batch,) each, with gradients to ``D``, ``A`` and ``B``.

    Raises:
        InputError: A shape, device or length is wrong; the message names the argument.
    """
    check_costs(D, A, B)
    if plan.shape != D.shape:
        raise InputError(f"plan must be {tuple(D.shape)} as D is, got {tuple(plan.shape)}")
    batch, T, N = plan.shape
    lengths_a, lengths_b = lengths or ([T] * batch, [N] * batch)
    lengths = (
        checked_lengths(lengths_a, batch, T, plan.device, "lengths[0]"),
        checked_lengths(lengths_b, batch, N, plan.device, "lengths[1]"),
    )
    dtype = working_dtype(D, A, B, plan)
    with torch.autocast(D.device.type, enabled=False):
        D, A, B, plan = (x.to(dtype) for x in (D, A, B, plan))
        return value_node_edge(D, A, B, plan, alpha, lengths)


def value_node_edge(
    D: Tensor, A: Tensor, B: Tensor, plan: Tensor, alpha: float, lengths: Lengths
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute :func:`fused_cost` of arguments that are checked, of one dtype and not under autocast."""
    node, edge = FusedCost.apply(D, A, B, plan, lengths)
    return (1 - alpha) * node + alpha * edge, node, edge


def _arithmetic(plan: Tensor) -> ModuleType:
    """Return the module that computes: on the CPU the compiled one, if numba is there."""
    if plan.device.type == "cpu" and isinstance(compiled := load("numba_cost"), ModuleType):
        return compiled
    return batched_cost
