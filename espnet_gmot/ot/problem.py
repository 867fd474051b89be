"""A checked, masked batch of fused Gromov-Wasserstein problems."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from espnet_gmot.errors import InputError

# A marginal given in half precision may miss 1 by this much; it is then normalised in full precision.
MASS_TOLERANCE = 1e-2

Lengths = tuple[Tensor, Tensor]  # valid frames and tokens, (batch,) each

INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


class TransportProblem(NamedTuple):
    """A checked, padded batch in one floating-point type.

    Attributes:
        node: Node cost (batch, T, N); padding may hold anything, NaN too.
        edge_a: Edge cost among frames (batch, T, T), likewise.
        edge_b: Edge cost among tokens (batch, N, N), likewise.
        p: Frame marginal (batch, T); sums to 1, zero on padding.
        q: Token marginal (batch, N); sums to 1, zero on padding.
        lengths_a: Valid frames (batch,), int64.
        lengths_b: Valid tokens (batch,), int64.
        start: Coupling to start from (batch, T, N), zero on padding; None is the independent one, p qᵀ.
    """

    node: Tensor
    edge_a: Tensor
    edge_b: Tensor
    p: Tensor
    q: Tensor
    lengths_a: Tensor
    lengths_b: Tensor
    start: Tensor | None

    def masked_costs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return node and edge costs with zeros on the padding."""
        return masked_costs(self.node, self.edge_a, self.edge_b, (self.lengths_a, self.lengths_b))


def make_problem(
    D: Tensor,
    A: Tensor,
    B: Tensor,
    lengths_a: Tensor | Sequence[int] | None,
    lengths_b: Tensor | Sequence[int] | None,
    p: Tensor | None = None,
    q: Tensor | None = None,
    start: Tensor | None = None,
) -> TransportProblem:
    """Check a batch and bring it to float32 (float64 if any cost is float64).

    Args:
        D: Node cost (batch, T, N).
        A: Edge cost among frames (batch, T, T).
        B: Edge cost among tokens (batch, N, N).
        lengths_a: Valid frames of each problem (batch,), or None for all.
        lengths_b: Valid tokens of each problem (batch,), likewise.
        p: Frame marginal (batch, T), or None for a uniform one. Padding is ignored; weights may be zero.
        q: Token marginal (batch, N), likewise.
        start: Coupling to start from (batch, T, N), or None; padding is ignored.

    Returns:
        The problem; gradients flow from its costs back to ``D``, ``A`` and ``B``, to nothing else.

    Raises:
        InputError: A shape, device, length, marginal or start is wrong; the message names the argument.
    """
    check_costs(D, A, B)
    batch, n_frames, n_tokens = D.shape
    lengths_a = checked_lengths(lengths_a, batch, n_frames, D.device, "lengths_a")
    lengths_b = checked_lengths(lengths_b, batch, n_tokens, D.device, "lengths_b")
    frames, tokens = within(lengths_a, n_frames), within(lengths_b, n_tokens)  # (batch, T), (batch, N)

    dtype = working_dtype(D, A, B)
    return TransportProblem(
        node=D.to(dtype),
        edge_a=A.to(dtype),
        edge_b=B.to(dtype),
        p=_marginal(p, frames, dtype, "p"),
        q=_marginal(q, tokens, dtype, "q"),
        lengths_a=lengths_a,
        lengths_b=lengths_b,
        start=_start(start, frames, tokens, dtype),
    )


def checked_lengths(
    lengths: Tensor | Sequence[int] | None, batch: int, size: int, device: torch.device, name: str = "lengths"
) -> Tensor:
    """Return lengths (batch,) as a tensor on ``device``; None stands for the padded size.

    Raises:
        InputError: The lengths are not ``batch`` integers in 1..``size``; the message calls them ``name``.
    """
    if lengths is None:
        return torch.full((batch,), size, device=device)
    lengths = torch.as_tensor(lengths, device=device)
    if lengths.shape != (batch,) or lengths.dtype not in INTEGERS:
        raise InputError(
            f"{name} must hold {batch} integers, one a problem, got {tuple(lengths.shape)} of {lengths.dtype}"
        )
    rule = f"{name} must lie between 1 and {size}, the padded size"
    _require(
        (lengths >= 1) & (lengths <= size),
        lambda first: f"{rule}; problem {first} has {int(lengths[first])}",
        rule,
    )
    return lengths.long()


def valid_mask(
    lengths: Tensor | Sequence[int], batch: int, size: int, device: torch.device, name: str = "lengths"
) -> Tensor:
    """Turn lengths (batch,) into a mask (batch, size) that is True on valid entries.

    Raises:
        InputError: As ``checked_lengths``.

    Example:
        >>> valid_mask([1, 3], batch=2, size=3, device=torch.device("cpu")).int().tolist()
        [[1, 0, 0], [1, 1, 1]]
    """
    return within(checked_lengths(lengths, batch, size, device, name), size)


def masked(cost: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Set a cost (batch, R, C) to zero outside the valid rows (batch, R) and columns (batch, C)."""
    return torch.where(pairs(rows, columns), cost, 0.0)


def pairs(rows: Tensor, columns: Tensor) -> Tensor:
    """Which pairs are of a valid row (batch, R) and a valid column (batch, C): (batch, R, C)."""
    return rows[:, :, None] & columns[:, None, :]


def masked_edges(A: Tensor, B: Tensor, lengths: Lengths) -> tuple[Tensor, Tensor]:
    """Set edge costs (batch, T, T) and (batch, N, N) to zero on the padding."""
    frames, tokens = within(lengths[0], A.shape[1]), within(lengths[1], B.shape[1])  # (batch, T), (batch, N)
    return masked(A, frames, frames), masked(B, tokens, tokens)


def masked_costs(D: Tensor, A: Tensor, B: Tensor, lengths: Lengths) -> tuple[Tensor, Tensor, Tensor]:
    """Set node cost (batch, T, N) and edge costs to zero on the padding."""
    frames, tokens = within(lengths[0], A.shape[1]), within(lengths[1], B.shape[1])  # (batch, T), (batch, N)
    return masked(D, frames, tokens), *masked_edges(A, B, lengths)


def within(lengths: Tensor, size: int) -> Tensor:
    """Turn checked lengths into a mask; see ``valid_mask``."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]  # (batch, size)


def _require(holds: Tensor, message: Callable[[int], str], short: str) -> None:
    """Refuse a batch unless all of ``holds`` (batch,) is True; ``message`` gets the first problem at fault.

    With CUDA the check is a device-side assertion: raising an exception here would have to wait for the GPU.
    """
    if holds.device.type == "cuda":
        torch._assert_async(holds.all(), short)
    elif not holds.all():
        raise InputError(message(int((~holds).nonzero()[0])))


def working_dtype(*tensors: Tensor) -> torch.dtype:
    """Return float64 if a tensor has it, else float32."""
    return torch.float64 if any(x.dtype == torch.float64 for x in tensors) else torch.float32


def check_costs(D: Tensor, A: Tensor, B: Tensor) -> None:
    """Refuse costs whose shapes or devices do not fit each other."""
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


def _marginal(weights: Tensor | None, valid: Tensor, dtype: torch.dtype, name: str) -> Tensor:
    if weights is None:
        weights = valid.to(dtype)
        return weights / weights.sum(1, keepdim=True)
    if weights.shape != valid.shape:
        raise InputError(f"{name} must be {tuple(valid.shape)}, got {tuple(weights.shape)}")
    weights = torch.where(valid, weights.detach().to(valid.device, dtype), 0.0)
    total = _checked_total(weights, name, "over the valid entries of each problem")  # (batch,)
    return weights / total[:, None]


def _start(start: Tensor | None, frames: Tensor, tokens: Tensor, dtype: torch.dtype) -> Tensor | None:
    if start is None:
        return None
    shape = (*frames.shape, tokens.shape[1])
    if start.shape != shape:
        raise InputError(f"start must be {shape}, a coupling for each problem, got {tuple(start.shape)}")
    start = masked(start.detach().to(frames.device, dtype), frames, tokens)
    total = _checked_total(start.flatten(1), "start", "over the valid entries of each coupling")
    return start / total[:, None, None]


def _checked_total(weights: Tensor, name: str, where: str) -> Tensor:
    """Return the sums (batch,) of non-negative weights that sum to about 1."""
    # Compared this way round, a NaN passes and stays in its own problem, as a NaN in a cost does.
    _require(
        ~(weights < 0).any(1),
        lambda first: f"{name} has negative weights in problem {first}; they must be non-negative",
        f"{name} has negative weights",
    )
    total = weights.sum(1)
    _require(
        ~((total - 1).abs() > MASS_TOLERANCE),
        lambda first: (
            f"{name} must sum to 1 {where}; problem {first} sums to {float(total[first]):.6g}; "
            f"divide {name} by its sum"
        ),
        f"{name} must sum to 1 {where}",
    )
    return total
