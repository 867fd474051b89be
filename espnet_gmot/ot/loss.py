"""The solver as a loss: a ``torch.nn.Module`` that keeps the options."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from torch import Tensor, nn

from espnet_gmot.errors import InputError
from espnet_gmot.ot.costs import cosine_costs, cosine_edges
from espnet_gmot.ot.options import SolverOptions
from espnet_gmot.ot.slices import Costs, fused_gromov_wasserstein_of_vectors
from espnet_gmot.ot.solve import fused_gromov_wasserstein

REDUCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": Tensor.mean,
    "sum": Tensor.sum,
    "none": Tensor.clone,
}


class FusedGromovWassersteinLoss(nn.Module):
    """Fused Gromov-Wasserstein cost of matching two padded batches of vectors, or of given costs.

    The value of :func:`fused_gromov_wasserstein`, with its gradient: the coupling found is held fixed. The
    module has no parameters and no state.

    Args:
        costs: Builds the costs of vectors, as in :func:`fused_gromov_wasserstein_of_vectors`. None: cosine
            costs; with ``alpha=1`` only those of the edges, so that X and Z may differ in dimension.
        reduction: ``"mean"`` or ``"sum"`` over the batch, or ``"none"``.
        backend: ``"auto"`` or the name of a solver in ``BACKENDS``.
        options: Those of ``SolverOptions``, such as ``alpha`` and ``epsilon``, with its defaults.

    Raises:
        InputError: An option is out of range; the message names it.

    Example:
        >>> import torch
        >>> loss = FusedGromovWassersteinLoss(alpha=0.3, reduction="none")
        >>> X = torch.eye(4)[None]
        >>> loss(X, X.flip(1)).round(decimals=4)  # the same vectors in another order
        tensor([0.])
        >>> loss(X, X[:, :2], lengths_a=[3]).round(decimals=4)  # the third has no partner
        tensor([0.3167])
    """

    def __init__(
        self,
        costs: Costs | None = None,
        reduction: str = "mean",
        backend: str = "auto",
        **options: Any,
    ) -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise InputError(f"unknown reduction {reduction!r}; choose one of {', '.join(REDUCTIONS)}")
        self.options = SolverOptions(**options)
        self.costs = costs or (cosine_edges if self.options.alpha == 1 else cosine_costs)
        self.reduction = reduction
        self.backend = backend

    def forward(
        self,
        X: Tensor,
        Z: Tensor,
        lengths_a: Tensor | Sequence[int] | None = None,
        lengths_b: Tensor | Sequence[int] | None = None,
        p: Tensor | None = None,
        q: Tensor | None = None,
    ) -> Tensor:
        """Match vectors.

        Args:
            X: Frame vectors (batch, T, d_a).
            Z: Token vectors (batch, N, d_b).
            lengths_a: Valid frames (batch,); None: all.
            lengths_b: Valid tokens (batch,), likewise.
            p: Frame marginal (batch, T); None is uniform.
            q: Token marginal (batch, N), likewise.

        Returns:
            A scalar, or (batch,) with reduction ``"none"``.
        """
        out = fused_gromov_wasserstein_of_vectors(
            X, Z, lengths_a, lengths_b, self.costs, p, q, backend=self.backend, **asdict(self.options)
        )
        return REDUCTIONS[self.reduction](out.value)

    def of_costs(
        self,
        D: Tensor,
        A: Tensor,
        B: Tensor,
        lengths_a: Tensor | Sequence[int] | None = None,
        lengths_b: Tensor | Sequence[int] | None = None,
        p: Tensor | None = None,
        q: Tensor | None = None,
    ) -> Tensor:
        """Match graphs of given costs: D (batch, T, N), A (batch, T, T), B (batch, N, N); else as above."""
        out = fused_gromov_wasserstein(
            D, A, B, lengths_a, lengths_b, p, q, backend=self.backend, **asdict(self.options)
        )
        return REDUCTIONS[self.reduction](out.value)

    def extra_repr(self) -> str:
        """The options that ``print`` shows."""
        told = {"reduction": self.reduction, "backend": self.backend, **asdict(self.options)}
        return ", ".join(f"{name}={value!r}" for name, value in told.items())
