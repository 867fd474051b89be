"""Ragged random problems for the tests of the transport core, and the backends they run on."""

from functools import partial
from importlib import import_module
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from espnet_gmot.ot import BACKENDS, cosine_edge_cost, cosine_node_cost, fused_gromov_wasserstein


class Batch(NamedTuple):
    """Costs and lengths in the order of ``fused_gromov_wasserstein``'s arguments; padding holds garbage."""

    D: Tensor
    A: Tensor
    B: Tensor
    lengths_a: Tensor
    lengths_b: Tensor

    def one(self, i: int) -> "Batch":
        """Problem ``i`` by itself, without padding."""
        t, n = int(self.lengths_a[i]), int(self.lengths_b[i])
        D, A, B = self.D[i : i + 1, :t, :n], self.A[i : i + 1, :t, :t], self.B[i : i + 1, :n, :n]
        return Batch(D, A, B, torch.tensor([t]), torch.tensor([n]))

    def to(self, dtype: torch.dtype) -> "Batch":
        return Batch(*(cost.to(dtype) for cost in self[:3]), *self[3:])

    def with_gradients(self) -> "Batch":
        return Batch(*(cost.detach().clone().requires_grad_() for cost in self[:3]), *self[3:])

    def masks(self) -> tuple[Tensor, Tensor, Tensor]:
        """Valid entries of ``D``, ``A`` and ``B``."""
        frames = torch.arange(self.D.shape[1]) < self.lengths_a[:, None]
        tokens = torch.arange(self.D.shape[2]) < self.lengths_b[:, None]
        pairs = ((frames, tokens), (frames, frames), (tokens, tokens))
        return tuple(rows[:, :, None] & columns[:, None] for rows, columns in pairs)


@pytest.fixture(scope="session", params=["torch", "numba"])
def cpu_backend(request):
    """Each backend that must solve every problem on a CPU."""
    import_module(
        f"espnet_gmot.ot.{BACKENDS[request.param].split('.')[0]}"
    )  # or the front door would fall back
    return request.param


@pytest.fixture(scope="session")
def solve(cpu_backend):
    """The front door on each CPU backend."""
    return partial(fused_gromov_wasserstein, backend=cpu_backend)


@pytest.fixture(scope="session")
def make_batch():
    """Make a batch from random vectors, by default in float64: ``make_batch(batch, T, N, seed=0)``.

    Lengths are drawn from ``shortest`` of the padded size upwards.
    """

    def make(
        batch: int,
        T: int,
        N: int,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
        shortest: float = 0.5,
    ) -> Batch:
        random = torch.Generator().manual_seed(seed)
        X = torch.randn(batch, T, 5, generator=random, dtype=dtype)
        Z = torch.randn(batch, N, 5, generator=random, dtype=dtype)
        lengths_a, lengths_b = (
            torch.randint(max(1, int(shortest * size)), size + 1, (batch,), generator=random)
            for size in (T, N)
        )
        return Batch(cosine_node_cost(X, Z), cosine_edge_cost(X), cosine_edge_cost(Z), lengths_a, lengths_b)

    return make


@pytest.fixture(scope="session")
def make_speech():
    """Make a batch as in speech, in float64: frames are noisy copies of their tokens, in order."""

    def make(batch: int, T: int, N: int, seed: int = 0) -> Batch:
        random = torch.Generator().manual_seed(seed)
        Z = torch.randn(batch, N, 64, generator=random) + 0.7 * torch.randn(batch, 1, 64, generator=random)
        cuts = (T * torch.rand(batch, N - 1, generator=random)).sort(1).values
        token = torch.searchsorted(cuts, torch.arange(T).repeat(batch, 1) + 0.5)  # (batch, T)
        X = Z[torch.arange(batch)[:, None], token] + torch.randn(batch, T, 64, generator=random)
        X = (X.roll(1, 1) + 2 * X + X.roll(-1, 1)) / 4
        lengths_a = torch.randint(T // 2, T + 1, (batch,), generator=random)
        lengths_b = token[torch.arange(batch), lengths_a - 1] + 1
        costs = (cosine_node_cost(X, Z), cosine_edge_cost(X), cosine_edge_cost(Z))
        return Batch(*costs, lengths_a, lengths_b).to(torch.float64)

    return make


@pytest.fixture(scope="session")
def make_marginals():
    """Make random marginals for a batch, with garbage on the padding: ``make_marginals(seed, batch)``."""

    def make(seed: int, batch: Batch) -> tuple[Tensor, Tensor]:
        random = torch.Generator().manual_seed(seed)
        valid_entries = (batch.masks()[1].any(2), batch.masks()[2].any(2))
        weights = [torch.rand(v.shape, generator=random, dtype=torch.float64) + 0.2 for v in valid_entries]
        return tuple(w / (w * v).sum(1, keepdim=True) for w, v in zip(weights, valid_entries, strict=True))

    return make


@pytest.fixture
def four_index_cost():
    """The fused Gromov-Wasserstein cost by its definition, for one problem without padding."""

    def cost(D: Tensor, A: Tensor, B: Tensor, plan: Tensor, alpha: float) -> Tensor:
        squared = (A[:, None, :, None] - B[None, :, None, :]) ** 2  # (T, N, T, N)
        edge = torch.einsum("ijkl,ij,kl->", squared, plan, plan)
        return (1 - alpha) * (D * plan).sum() + alpha * edge

    return cost
