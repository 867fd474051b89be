"""Ragged random problems for the tests of the transport core."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from espnet_gmot.ot import cosine_edge_cost, cosine_node_cost


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

    def with_gradients(self) -> "Batch":
        return Batch(*(cost.detach().clone().requires_grad_() for cost in self[:3]), *self[3:])


@pytest.fixture
def make_batch():
    """Make a batch from random vectors: ``make_batch(batch, T, N, seed=0, dtype=torch.float64)``."""

    def make(batch: int, T: int, N: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Batch:
        random = torch.Generator().manual_seed(seed)
        X = torch.randn(batch, T, 5, generator=random, dtype=dtype)
        Z = torch.randn(batch, N, 5, generator=random, dtype=dtype)
        lengths_a = torch.randint(max(1, T // 2), T + 1, (batch,), generator=random)
        lengths_b = torch.randint(max(1, N // 2), N + 1, (batch,), generator=random)
        return Batch(cosine_node_cost(X, Z), cosine_edge_cost(X), cosine_edge_cost(Z), lengths_a, lengths_b)

    return make


@pytest.fixture
def four_index_cost():
    """The fused Gromov-Wasserstein cost by its definition, for one problem without padding."""

    def cost(D: Tensor, A: Tensor, B: Tensor, plan: Tensor, alpha: float) -> Tensor:
        squared = (A[:, None, :, None] - B[None, :, None, :]) ** 2  # (T, N, T, N)
        edge = torch.einsum("ijkl,ij,kl->", squared, plan, plan)
        return (1 - alpha) * (D * plan).sum() + alpha * edge

    return cost
