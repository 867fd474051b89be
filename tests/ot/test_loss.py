"""The module form of the solver against the functions."""

import copy
import pickle

import pytest
import torch

from espnet_gmot.errors import InputError
from espnet_gmot.ot import (
    FusedGromovWassersteinLoss,
    SolverOptions,
    cosine_costs,
    fused_gromov_wasserstein,
    fused_gromov_wasserstein_of_vectors,
)

LENGTHS = [6, 3], [4, 2]
SETTINGS = {"alpha": 0.3, "epsilon": 0.1, "max_iter": 5, "scheme": "entropic"}


def vectors(*shape, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=random, dtype=torch.float64).requires_grad_()


@pytest.fixture
def pair():
    """Two batches of vectors: (2, 6, 5) and (2, 4, 5)."""
    return vectors(2, 6, 5), vectors(2, 4, 5, seed=1)


def square_costs(X, _lengths_a, Z, _lengths_b):
    return torch.cdist(X, Z) ** 2, torch.cdist(X, X), torch.cdist(Z, Z)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("costs", [None, square_costs])
def test_value_and_gradient_are_those_of_the_function(pair, reduction, costs):
    loss = FusedGromovWassersteinLoss(costs, reduction, **SETTINGS)(*pair, *LENGTHS)
    value = fused_gromov_wasserstein_of_vectors(*pair, *LENGTHS, costs or cosine_costs, **SETTINGS).value
    expected = {"mean": value.mean(), "sum": value.sum(), "none": value}[reduction]
    assert torch.equal(loss, expected)
    mine = torch.autograd.grad(loss.sum(), pair)
    its = torch.autograd.grad(expected.sum(), pair)
    assert all(map(torch.equal, mine, its))
    assert mine[0].abs().max() > 0


def test_given_costs_and_weights(make_batch, make_marginals):
    batch = make_batch(3, 7, 4)
    p, q = make_marginals(0, batch)
    loss = FusedGromovWassersteinLoss(reduction="none", **SETTINGS)
    expected = fused_gromov_wasserstein(*batch, p, q, **SETTINGS).value
    assert torch.equal(loss.of_costs(*batch, p, q), expected)
    assert not torch.allclose(loss.of_costs(*batch), expected)


def test_vectors_and_their_costs_are_one_problem(pair):
    loss = FusedGromovWassersteinLoss(**SETTINGS)
    costs = cosine_costs(pair[0], None, pair[1], None)
    assert torch.equal(loss(*pair, *LENGTHS), loss.of_costs(*costs, *LENGTHS))


def test_without_lengths_all_vectors_count(pair):
    loss = FusedGromovWassersteinLoss()
    assert torch.equal(loss(*pair), loss(*pair, [6, 6], [4, 4]))
    assert not torch.allclose(loss(*pair), loss(*pair, *LENGTHS))


def test_padding_counts_nothing(pair):
    loss = FusedGromovWassersteinLoss(reduction="none", **SETTINGS)
    X, Z = pair
    alone = loss(X[1:, :3], Z[1:, :2])
    torch.testing.assert_close(loss(X, Z, *LENGTHS)[1:], alone, rtol=0, atol=1e-12)
    (gradient,) = torch.autograd.grad(loss(X, Z, *LENGTHS).sum(), X)
    assert not gradient[1, 3:].any()


def test_edges_alone_match_vectors_of_different_dimensions():
    """The same points in a space of three and one of five dimensions, turned and permuted."""
    X = vectors(1, 8, 3)
    turn = torch.linalg.qr(vectors(5, 5, seed=1).detach())[0][:3]  # (3, 5), orthonormal rows
    Z = (X @ turn)[:, [3, 0, 4, 7, 1, 6, 2, 5]]
    value = FusedGromovWassersteinLoss(alpha=1, epsilon=0.01, max_iter=100)(X, Z)
    assert value.item() < 1e-6
    with pytest.raises(InputError, match="with the same batch and d"):
        FusedGromovWassersteinLoss(alpha=0.9)(X, Z)


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_gradcheck_where_the_coupling_stays(alpha):
    """Vectors and a noisy, permuted copy, ε small: the coupling is a vertex. One vector: it is p."""
    X = vectors(2, 5, 6)
    Z = (X.detach()[:, [3, 0, 4, 2, 1]] + 0.1 * vectors(2, 5, 6, seed=1).detach()).requires_grad_()
    loss = FusedGromovWassersteinLoss(alpha=alpha, epsilon=0.02, max_iter=100, sinkhorn_iter=50)
    assert torch.autograd.gradcheck(lambda X, Z: loss(X, Z, [5, 4], [5, 1]), (X, Z))


def test_it_has_no_state_and_can_be_moved_copied_and_pickled(pair):
    loss = FusedGromovWassersteinLoss(square_costs, "sum", **SETTINGS)
    expected = loss(*pair)
    assert loss.state_dict() == {} and list(loss.parameters()) == []
    for same in (loss.to("cpu"), copy.deepcopy(loss), pickle.loads(pickle.dumps(loss)), loss.eval()):
        assert torch.equal(same(*pair), expected)
    on_meta = torch.nn.Sequential(loss).to("meta")
    on_meta.load_state_dict(torch.nn.Sequential(FusedGromovWassersteinLoss()).state_dict())


def test_defaults_are_those_of_the_options():
    assert FusedGromovWassersteinLoss().options == SolverOptions()
    assert "reduction='mean', backend='auto', alpha=0.5, epsilon=0.05" in repr(FusedGromovWassersteinLoss())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"reduction": "max"}, "unknown reduction 'max'; choose one of mean, sum, none"),
        ({"alpha": 2}, r"alpha must lie in \[0, 1\]"),
    ],
)
def test_a_wrong_option_is_refused_at_once(wrong, message):
    with pytest.raises(InputError, match=message):
        FusedGromovWassersteinLoss(**wrong)


def test_an_unknown_backend_is_refused(pair):
    with pytest.raises(InputError, match="unknown backend 'jax'"):
        FusedGromovWassersteinLoss(backend="jax")(*pair)
