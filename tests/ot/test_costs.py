"""Known answers of the costs."""

import pytest
import torch

from espnet_gmot.errors import InputError
from espnet_gmot.ot import (
    cosine_edge_cost,
    cosine_node_cost,
    diagonal_coupling,
    temporal_edge_cost,
    temporal_prior,
)


def test_cosine_cost_of_known_angles():
    X = torch.tensor([[[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0], [1.0, 1.0]]])
    expected = torch.tensor([0.0, 1.0, 2.0, 1 - 2**-0.5])
    torch.testing.assert_close(cosine_node_cost(X, X[:, :1])[0, :, 0], expected)
    torch.testing.assert_close(cosine_edge_cost(X)[0, 0], expected)


def test_cosine_cost_ignores_lengths_of_vectors_and_is_symmetric():
    X = torch.randn(2, 6, 5)
    torch.testing.assert_close(cosine_edge_cost(X), cosine_edge_cost(X * 1e4), atol=1e-6, rtol=0)
    torch.testing.assert_close(cosine_edge_cost(X), cosine_edge_cost(X).mT)


def test_cosine_cost_passes_gradcheck():
    X = torch.randn(
        1, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True
    )
    Z = torch.randn(
        1, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True
    )
    assert torch.autograd.gradcheck(cosine_node_cost, (X, Z))


def test_zero_vector_costs_one_and_gets_no_gradient():
    X = torch.tensor([[[0.0, 0.0], [1.0, 2.0]]], requires_grad=True)
    cost = cosine_node_cost(X, torch.tensor([[[1.0, 0.0]]]))
    cost.sum().backward()
    assert cost[0, 0, 0].item() == 1
    assert X.grad[0, 0].tolist() == [0, 0]
    assert X.grad[0, 1].abs().sum() > 0


def test_cosine_cost_is_float32_under_autocast():
    X = torch.randn(1, 6, 5)
    expected = cosine_edge_cost(X)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(cosine_edge_cost(X), expected)
    assert cosine_edge_cost(X.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("shape", [(2, 3, 5), (1, 3, 4), (3, 4)])
def test_cosine_cost_names_mismatched_shapes(shape):
    with pytest.raises(InputError, match=r"X must be \(batch, T, d\) and Z \(batch, N, d\)"):
        cosine_node_cost(torch.zeros(2, 6, 4), torch.zeros(shape))


def test_temporal_prior_equals_its_formula_loop_by_loop():
    prior = temporal_prior([5, 3], [2, 3], T=6, N=4, sigma=0.7)
    expected = torch.zeros(2, 6, 4)
    for b, (T, N) in enumerate([(5, 2), (3, 3)]):
        for i in range(T):
            for j in range(N):
                distance = abs((i + 1) / T - (j + 1) / N) / (1 / T**2 + 1 / N**2) ** 0.5
                expected[b, i, j] = distance**2 / (2 * 0.7**2)
    torch.testing.assert_close(prior, expected)


def test_diagonal_coupling_is_the_normalised_exponential_of_the_prior_without_padding():
    lengths_a, lengths_b = torch.tensor([6, 4]), torch.tensor([3, 2])
    start = diagonal_coupling(lengths_a, lengths_b, T=6, N=3, sigma=0.7)
    prior = temporal_prior(lengths_a, lengths_b, T=6, N=3, sigma=0.7)
    for problem, (t, n) in enumerate(((6, 3), (4, 2))):
        band = torch.exp(-prior[problem, :t, :n])
        torch.testing.assert_close(start[problem, :t, :n], band / band.sum())
    assert start[1, 4:].abs().sum() == start[1, :, 2:].abs().sum() == 0


def test_temporal_edge_cost_of_known_lengths():
    edges = temporal_edge_cost(torch.tensor([4, 2]), T=4)
    torch.testing.assert_close(edges[0, 0], torch.tensor([0.0, 0.25, 0.5, 0.75]))
    assert edges[1, :, 2:].abs().sum() == 0
    assert float(edges[1, 0, 1]) == 0.5


def test_temporal_costs_name_the_wrong_argument():
    with pytest.raises(InputError, match="sigma must be positive"):
        temporal_prior([3], [2], T=3, N=2, sigma=0.0)
    with pytest.raises(InputError, match="lengths_b must lie between 1 and 2"):
        temporal_prior([3], [4], T=3, N=2, sigma=1.0)
    with pytest.raises(InputError, match="lengths must lie between 1 and 3"):
        temporal_edge_cost([0], T=3)
