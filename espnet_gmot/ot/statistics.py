"""What a coupling says: projected frames, sharpness, order and coverage."""

from collections.abc import Sequence

import torch
from torch import Tensor

from espnet_gmot.ot.problem import valid_mask


def barycentric_projection(plan: Tensor, X: Tensor) -> Tensor:
    """Average of the frames that each token is matched with, ``z̃_j = (1/q̂_j) Σ_i γ_ij x_i``.

    Args:
        plan: Coupling (batch, T, N), zero on padding; held fixed.
        X: Frame vectors (batch, T, d); gradients flow to them.

    Returns:
        (batch, N, d), in float32 at least; zero for a token without mass.

    Example:
        >>> plan = torch.tensor([[[0.25, 0.0], [0.25, 0.0], [0.0, 0.5]]])
        >>> barycentric_projection(plan, torch.tensor([[[1.0], [3.0], [7.0]]])).flatten().tolist()
        [2.0, 7.0]
    """
    with torch.autocast(X.device.type, enabled=False):
        plan = plan.detach()
        weights = _normalised(plan, dim=1)  # (batch, T, N)
        return weights.mT @ X.to(torch.promote_types(X.dtype, plan.dtype))


@torch.no_grad()
def coupling_entropy(
    plan: Tensor, lengths_a: Tensor | Sequence[int], lengths_b: Tensor | Sequence[int]
) -> Tensor:
    """Entropy of a coupling beyond what its marginals force on it, in [0, 1].

    ``(H(γ) - max(H(p̂), H(q̂))) / log min(T, N)`` with p̂ and q̂ the sums of the coupling itself: 0 if one
    side determines the other (every frame belongs to one token, say), 1 if frames and tokens are independent
    and the marginals uniform. With one frame or one token it is 0.

    Args:
        plan: Coupling (batch, T, N), zero on padding.
        lengths_a: Valid frames (batch,).
        lengths_b: Valid tokens (batch,).

    Returns:
        (batch,)

    Example:
        >>> sharp, blunt = torch.eye(2) / 2, torch.full((2, 2), 0.25)
        >>> coupling_entropy(torch.stack([sharp, blunt]), [2, 2], [2, 2]).tolist()
        [0.0, 1.0]
    """
    batch, n_frames, n_tokens = plan.shape
    frames = valid_mask(lengths_a, batch, n_frames, plan.device, "lengths_a").sum(1)
    tokens = valid_mask(lengths_b, batch, n_tokens, plan.device, "lengths_b").sum(1)
    forced = torch.maximum(_entropy(plan.sum(2)), _entropy(plan.sum(1)))
    # With one frame or one token the excess is 0, whatever it is divided by.
    largest = torch.minimum(frames, tokens).clamp_min(2).to(plan.dtype).log()
    return ((_entropy(plan.flatten(1)) - forced) / largest).clamp(0, 1)


def _normalised(plan: Tensor, dim: int) -> Tensor:
    total = plan.sum(dim, keepdim=True)
    return plan / torch.where(total > 0, total, 1.0)


def _entropy(weights: Tensor) -> Tensor:
    return -torch.xlogy(weights, weights).sum(1)  # (batch,)
