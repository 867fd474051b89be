"""A checked, masked batch of fused Gromov-Wasserstein problems."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from espnet_gmot.errors import InputError

# A marginal given in half precision may miss 1 by this much; it is then normalised in full precision.
MARGINAL_SUM_TOLERANCE = 1e-2


class TransportProblem(NamedTuple):
    """A padded batch, zero wherever a frame or a token is padding.

    Attributes:
        node: Node cost (batch, T, N).
        edge_a: Edge cost among frames (batch, T, T).
        edge_b: Edge cost among tokens (batch, N, N).
        p: Frame marginal (batch, T); sums to 1.
        q: Token marginal (batch, N); sums to 1.
    """

    node: Tensor
    edge_a: Tensor
    edge_b: Tensor
    p: Tensor
    q: Tensor


def make_problem(
    D: Tensor,
    A: Tensor,
    B: Tensor,
    lengths_a: Tensor | Sequence[int],
    lengths_b: Tensor | Sequence[int],
    p: Tensor | None = None,
    q: Tensor | None = None,
) -> TransportProblem:
    """Check a batch, set its padding to zero and bring it to float32 (float64 if any cost is float64).

    Args:
        D: Node cost (batch, T, N).
        A: Edge cost among frames (batch, T, T).
        B: Edge cost among tokens (batch, N, N).
        lengths_a: Valid frames of each problem (batch,).
        lengths_b: Valid tokens of each problem (batch,).
        p: Frame marginal (batch, T), or None for a uniform one. Padding is ignored; weights may be zero.
        q: Token marginal (batch, N), likewise.

    Returns:
        The problem; gradients flow from its costs back to ``D``, ``A`` and ``B``, never to the marginals.

    Raises:
        InputError: A shape, device, length or marginal is wrong; the message names the argument.
    """
    _check_costs(D, A, B)
    batch, n_frames, n_tokens = D.shape
    frames = valid_mask(lengths_a, batch, n_frames, D.device, "lengths_a")  # (batch, T)
    tokens = valid_mask(lengths_b, batch, n_tokens, D.device, "lengths_b")  # (batch, N)

    dtype = torch.float64 if torch.float64 in (D.dtype, A.dtype, B.dtype) else torch.float32
    return TransportProblem(
        node=_masked(D.to(dtype), frames, tokens),
        edge_a=_masked(A.to(dtype), frames, frames),
        edge_b=_masked(B.to(dtype), tokens, tokens),
        p=_marginal(p, frames, dtype, "p"),
        q=_marginal(q, tokens, dtype, "q"),
    )


def valid_mask(
    lengths: Tensor | Sequence[int], batch: int, size: int, device: torch.device, name: str = "lengths"
) -> Tensor:
    """Turn lengths (batch,) into a mask (batch, size) that is True on valid entries.

    Raises:
        InputError: The lengths are not ``batch`` integers in 1..``size``; the message calls them ``name``.

    Example:
        >>> valid_mask([1, 3], batch=2, size=3, device=torch.device("cpu")).int().tolist()
        [[1, 0, 0], [1, 1, 1]]
    """
    lengths = torch.as_tensor(lengths, device=device)
    if lengths.shape != (batch,) or lengths.is_floating_point():
        raise InputError(
            f"{name} must hold {batch} integers, one a problem, got {tuple(lengths.shape)} of {lengths.dtype}"
        )
    shortest, longest = torch.stack(torch.aminmax(lengths)).tolist()
    if shortest < 1 or longest > size:
        raise InputError(
            f"{name} must lie between 1 and {size}, the padded size; got {shortest} to {longest}"
        )
    return torch.arange(size, device=device) < lengths[:, None]


def _check_costs(D: Tensor, A: Tensor, B: Tensor) -> None:
    if D.dim() != 3 or 0 in D.shape:
        raise InputError(f"D must be (batch, T, N) with no empty dimension, got {tuple(D.shape)}")
    batch, n_frames, n_tokens = D.shape
    for name, edge, size in (("A", A, n_frames), ("B", B, n_tokens)):
        if edge.shape != (batch, size, size):
            raise InputError(
                f"{name} must be {(batch, size, size)} to fit D {tuple(D.shape)}, got {tuple(edge.shape)}"
            )
        if edge.device != D.device:
            raise InputError(f"{name} is on {edge.device} and D on {D.device}; move them to one device")


def _masked(cost: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    return torch.where(rows[:, :, None] & columns[:, None, :], cost, 0.0)


def _marginal(weights: Tensor | None, valid: Tensor, dtype: torch.dtype, name: str) -> Tensor:
    if weights is None:
        weights = valid.to(dtype)
        return weights / weights.sum(1, keepdim=True)
    if weights.shape != valid.shape:
        raise InputError(f"{name} must be {tuple(valid.shape)}, got {tuple(weights.shape)}")
    weights = torch.where(valid, weights.detach().to(valid.device, dtype), 0.0)
    if (weights < 0).any():
        raise InputError(f"{name} has negative weights; a marginal must be non-negative")
    total = weights.sum(1, keepdim=True)
    # Compared this way round, a NaN passes and stays in its own problem, as a NaN in a cost does.
    wrong = (total - 1).abs() > MARGINAL_SUM_TOLERANCE
    if wrong.any():
        first = int(wrong.flatten().nonzero()[0])
        raise InputError(
            f"{name} must sum to 1 over the valid entries of each problem; problem {first} sums to "
            f"{float(total[first]):.6g}; divide {name} by its sum"
        )
    return weights / total
