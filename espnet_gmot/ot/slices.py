"""The front door for vectors instead of costs: long inputs go through it a few problems at a time."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from espnet_gmot.errors import InputError
from espnet_gmot.ot.gradient import fused_cost
from espnet_gmot.ot.options import SolverOptions
from espnet_gmot.ot.problem import Lengths, checked_lengths
from espnet_gmot.ot.solve import FusedGromovWasserstein, fused_gromov_wasserstein

# The most entries of edge costs among frames in a slice: 32 MiB in float32, two problems of 2,000 frames.
SLICE_ENTRIES = 2**23

Costs = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
FrontDoor = Callable[..., FusedGromovWasserstein]


def fused_gromov_wasserstein_of_vectors(
    X: Tensor,
    Z: Tensor,
    lengths_a: Tensor | Sequence[int] | None,
    lengths_b: Tensor | Sequence[int] | None,
    costs: Costs,
    p: Tensor | None = None,
    q: Tensor | None = None,
    start: Tensor | None = None,
    alpha: float = SolverOptions.alpha,
    solve: FrontDoor = fused_gromov_wasserstein,
    **options: Any,
) -> FusedGromovWasserstein:
    """Compute ``solve(*costs(X, lengths_a, Z, lengths_b), ...)`` in bounded memory.

    The batch is cut into slices whose (T, T) edge costs together have at most ``SLICE_ENTRIES`` entries, or
    that are a single problem. With more than one slice no edge cost outlives its slice: it is built for the
    search, again for the costs of the coupling found, and again in the backward pass. Problems are
    independent, so the result is that of one piece.

    Args:
        X: Frame vectors (batch, T, d_a).
        Z: Token vectors (batch, N, d_b).
        lengths_a: Valid frames (batch,), or None for all.
        lengths_b: Valid tokens (batch,), likewise.
        costs: Builds the node cost (b, T, N) and the edge costs (b, T, T) and (b, N, N) of some problems from
            ``(X, lengths_a, Z, lengths_b)``, the same at each call, without autocast; gradients flow through
            it.
        p: As for ``solve``, like ``q``, ``start``, ``alpha`` and the other options.
        solve: The front door for costs, ``fused_gromov_wasserstein`` or ``monotonic_gromov_wasserstein``; the
            latter has no ``start`` and none of the other options.

    Raises:
        InputError: As ``solve``.

    Example:
        >>> from espnet_gmot.ot import cosine_edge_cost, cosine_node_cost
        >>> def costs(X, lengths_a, Z, lengths_b):
        ...     return cosine_node_cost(X, Z), cosine_edge_cost(X), cosine_edge_cost(Z)
        >>> X, lengths = torch.eye(3)[None], torch.tensor([3])
        >>> out = fused_gromov_wasserstein_of_vectors(X, X.flip(1), lengths, lengths, costs, max_iter=50)
        >>> out.plan[0].argmax(1).tolist()
        [2, 1, 0]
    """
    if X.dim() != 3 or Z.dim() != 3:
        raise InputError(f"X and Z must be (batch, size, d), got {tuple(X.shape)} and {tuple(Z.shape)}")
    batch, n_frames, _ = X.shape
    lengths_a = checked_lengths(lengths_a, batch, n_frames, X.device, "lengths_a")
    lengths_b = checked_lengths(lengths_b, batch, Z.shape[1], X.device, "lengths_b")

    given = {name: each for name, each in {"p": p, "q": q, "start": start}.items() if each is not None}

    def solve_some(cut: slice) -> FusedGromovWasserstein:
        return solve(
            *costs(X[cut], lengths_a[cut], Z[cut], lengths_b[cut]),
            lengths_a[cut],
            lengths_b[cut],
            alpha=alpha,
            **{name: each[cut] for name, each in given.items()},
            **options,
        )

    def costs_of(X: Tensor, Z: Tensor, plan: Tensor, lengths: Lengths) -> tuple[Tensor, Tensor, Tensor]:
        return fused_cost(*costs(X, lengths[0], Z, lengths[1]), plan, alpha, lengths)

    size = max(1, SLICE_ENTRIES // n_frames**2)
    with torch.autocast(X.device.type, enabled=False):
        if batch <= size:
            return solve_some(slice(None))
        solved = []
        for cut in (slice(first, first + size) for first in range(0, batch, size)):
            with torch.no_grad():
                out = solve_some(cut)
            if torch.is_grad_enabled():
                arguments = X[cut], Z[cut], out.plan, (lengths_a[cut], lengths_b[cut])
                value, node, edge = checkpoint(
                    costs_of, *arguments, use_reentrant=False, preserve_rng_state=False
                )
                out = out._replace(value=value, node=node, edge=edge)
            solved.append(out)
    return FusedGromovWasserstein(*(torch.cat(field) for field in zip(*solved, strict=True)))
