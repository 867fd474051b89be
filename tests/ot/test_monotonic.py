"""Monotonic couplings against all paths, in batches, with their gradients."""

from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_gmot.errors import InputError
from espnet_gmot.ot import (
    barycentric_projection,
    coupling_entropy,
    fused_gromov_wasserstein_of_vectors,
    monotonic_gromov_wasserstein,
    slices,
)

SIZES = [(5, 3), (3, 5), (4, 4), (6, 1), (1, 6), (1, 1), (7, 2)]


def all_couplings(p, q):
    """Every monotonic coupling: the longer side is cut into as many pieces as the shorter has entries."""
    T, N = len(p), len(q)
    for cuts in combinations(range(1, max(T, N)), min(T, N) - 1):
        piece = torch.tensor([sum(cut <= i for cut in cuts) for i in range(max(T, N))])
        plan = torch.zeros(T, N, dtype=p.dtype)
        if T >= N:
            plan[torch.arange(T), piece] = p
        else:
            plan[piece, torch.arange(N)] = q
        yield plan


def random_costs(T, N, seed, batch=1):
    random = torch.Generator().manual_seed(seed)
    D, A, B = (
        torch.rand(batch, *size, generator=random, dtype=torch.float64) for size in ((T, N), (T, T), (N, N))
    )
    return D, A + A.mT, B + B.mT


def marginals(T, N, seed):
    random = torch.Generator().manual_seed(seed)
    return [torch.rand(1, size, generator=random, dtype=torch.float64).softmax(1) for size in (T, N)]


@settings(deadline=None, max_examples=40)
@given(T=st.integers(1, 7), N=st.integers(1, 7), seed=st.integers(0, 1000))
def test_it_is_the_cheapest_of_all_monotonic_couplings(T, N, seed):
    (D, A, B), (p, q) = random_costs(T, N, seed), marginals(T, N, seed)
    out = monotonic_gromov_wasserstein(D, A, B, [T], [N], p, q)
    cheapest = min(all_couplings(p[0], q[0]), key=lambda plan: float((D[0] * plan).sum()))
    torch.testing.assert_close(out.plan[0], cheapest)


@pytest.mark.parametrize(("T", "N"), SIZES)
def test_costs_are_those_of_the_coupling_by_their_definition(T, N, four_index_cost):
    D, A, B = random_costs(T, N, 0)
    out = monotonic_gromov_wasserstein(D, A, B, [T], [N], alpha=0.3)
    for alpha, cost in ((0.3, out.value), (0.0, out.node), (1.0, out.edge)):
        torch.testing.assert_close(cost[0], four_index_cost(D[0], A[0], B[0], out.plan[0], alpha))


@pytest.mark.parametrize(("T", "N"), SIZES)
def test_the_longer_side_keeps_its_marginal_and_nothing_is_left_out(T, N):
    p, q = marginals(T, N, 1)
    out = monotonic_gromov_wasserstein(*random_costs(T, N, 1), [T], [N], p, q)
    if T >= N:
        torch.testing.assert_close(out.plan.sum(2), p)
    else:
        torch.testing.assert_close(out.plan.sum(1), q)
    assert (out.plan.sum(1) > 0).all() and (out.plan.sum(2) > 0).all()
    assert (out.plan > 0).sum() == max(T, N)
    assert out.marginal_error.item() < 1e-12 and out.converged.all()
    torch.testing.assert_close(coupling_entropy(out.plan, [T], [N]), torch.zeros(1, dtype=torch.float64))


def test_as_many_frames_as_tokens_leave_one_coupling_and_one_token_takes_all_frames():
    assert torch.equal(
        monotonic_gromov_wasserstein(*random_costs(4, 4, 0), [4], [4]).plan[0] > 0, torch.eye(4) > 0
    )
    assert (monotonic_gromov_wasserstein(*random_costs(4, 1, 0), [4], [1]).plan == 0.25).all()


def test_tokens_are_found_where_they_are_spoken():
    token = torch.tensor([0, 0, 0, 1, 2, 2, 3, 3, 3, 3])
    D = 1 - torch.eye(4)[token][None]  # (1, 10, 4)
    out = monotonic_gromov_wasserstein(D, torch.zeros(1, 10, 10), torch.zeros(1, 4, 4), [10], [4])
    assert out.plan[0].argmax(1).tolist() == token.tolist()
    assert out.node.item() == 0
    # The average over a token's frames takes what the token got, not 1/4.
    projected = barycentric_projection(out.plan, torch.arange(10.0)[None, :, None])
    torch.testing.assert_close(projected.flatten(), torch.tensor([1.0, 3.0, 4.5, 7.5]))


def padded(alone, size_of):
    """A problem's tensor with zeros to the size that it has in a batch."""
    rows, columns = (ours - own for ours, own in zip(size_of.shape, alone.shape, strict=True))
    return torch.nn.functional.pad(alone, (0, columns, 0, rows))


def test_a_batch_equals_its_problems_one_by_one_and_padding_may_hold_anything(make_batch):
    problems = make_batch(8, 9, 9, shortest=0.2)
    assert (problems.lengths_a < problems.lengths_b).any() and (problems.lengths_a > problems.lengths_b).any()
    costs = [
        torch.where(mask, cost, torch.nan) for cost, mask in zip(problems[:3], problems.masks(), strict=True)
    ]
    given = [cost.requires_grad_() for cost in costs]
    batch = monotonic_gromov_wasserstein(*given, *problems[3:])
    gradients = torch.autograd.grad(batch.value.sum(), given)
    for i in range(8):
        one = problems.one(i).with_gradients()
        alone = monotonic_gromov_wasserstein(*one)
        assert torch.equal(batch.plan[i], padded(alone.plan[0], batch.plan[i]))
        torch.testing.assert_close(batch.value[i], alone.value[0], rtol=1e-12, atol=0)
        expected = torch.autograd.grad(alone.value.sum(), one[:3])
        for gradient, other in zip(gradients, expected, strict=True):
            found = gradient[i] * (padded(torch.ones_like(other[0]), gradient[i]) > 0)
            torch.testing.assert_close(found, padded(other[0], gradient[i]), rtol=1e-10, atol=1e-13)
            assert torch.equal(found, gradient[i])  # nothing on the padding


@pytest.mark.parametrize(("T", "N"), [(6, 3), (3, 6), (4, 4)])
def test_gradients_are_those_of_the_value_with_its_search(T, N):
    """Finite differences search again for each changed cost."""
    costs = [cost.requires_grad_() for cost in random_costs(T, N, 2)]

    def value(D, A, B):  # the closed form is that of symmetric edges
        return monotonic_gromov_wasserstein(D, (A + A.mT) / 2, (B + B.mT) / 2, [T], [N], alpha=0.4).value

    assert torch.autograd.gradcheck(value, costs)


def test_slices_equal_the_whole(monkeypatch):
    random = torch.Generator().manual_seed(0)
    X = torch.randn(4, 8, 5, generator=random, dtype=torch.float64).requires_grad_()
    Z = torch.randn(4, 3, 5, generator=random, dtype=torch.float64)

    def costs(X, lengths_a, Z, lengths_b):
        return torch.cdist(X, Z), torch.cdist(X, X) ** 2, torch.cdist(Z, Z) ** 2

    outcomes = []
    for entries in (slices.SLICE_ENTRIES, 2 * 8**2):
        monkeypatch.setattr(slices, "SLICE_ENTRIES", entries)
        out = fused_gromov_wasserstein_of_vectors(
            X,
            Z,
            torch.tensor([8, 7, 3, 2]),
            torch.tensor([3, 1, 3, 3]),
            costs,
            p=torch.full((4, 8), 1 / 8) * torch.tensor([8 / 8, 8 / 7, 8 / 3, 8 / 2])[:, None],
            alpha=0.3,
            solve=monotonic_gromov_wasserstein,
        )
        outcomes.append((*out, *torch.autograd.grad(out.value.sum(), X)))
    for whole, sliced in zip(*outcomes, strict=True):
        torch.testing.assert_close(sliced, whole, atol=1e-12, rtol=1e-10)


@pytest.mark.parametrize("fault", [torch.nan, torch.inf, -torch.inf, 1e30])
def test_a_cost_that_is_no_number_stays_in_its_problem(fault):
    D, A, B = random_costs(6, 4, 0, batch=3)
    sound = monotonic_gromov_wasserstein(D, A, B, [6, 6, 2], [4, 4, 4])
    D[0, 2, 1] = fault
    out = monotonic_gromov_wasserstein(D, A, B, [6, 6, 2], [4, 4, 4])
    assert torch.equal(out.plan[1:], sound.plan[1:])
    assert torch.equal(out.value[1:], sound.value[1:])
    torch.testing.assert_close(out.plan.sum((1, 2)), torch.ones(3, dtype=torch.float64))


def test_equal_costs_give_the_same_coupling_alone_and_in_a_batch():
    D = torch.ones(2, 9, 4)
    batch = monotonic_gromov_wasserstein(D, torch.zeros(2, 9, 9), torch.zeros(2, 4, 4), [9, 7], [4, 3])
    alone = monotonic_gromov_wasserstein(D[:1, :7, :3], torch.zeros(1, 7, 7), torch.zeros(1, 3, 3), [7], [3])
    assert torch.equal(batch.plan[1, :7, :3], alone.plan[0])


def test_half_precision_and_autocast_give_float32():
    D, A, B = (cost.bfloat16() for cost in random_costs(6, 3, 0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = monotonic_gromov_wasserstein(D, A, B, [6], [3])
    expected = monotonic_gromov_wasserstein(D.float(), A.float(), B.float(), [6], [3])
    assert out.value.dtype == out.plan.dtype == torch.float32
    torch.testing.assert_close(out.value, expected.value)
    assert torch.equal(out.plan, expected.plan)


def test_what_is_out_of_range_is_named():
    costs = random_costs(4, 2, 0)
    with pytest.raises(InputError, match=r"alpha must lie in \[0, 1\], got 2"):
        monotonic_gromov_wasserstein(*costs, [4], [2], alpha=2)
    with pytest.raises(InputError, match="lengths_b must lie between 1 and 2"):
        monotonic_gromov_wasserstein(*costs, [4], [3])
    with pytest.raises(InputError, match="p must sum to 1"):
        monotonic_gromov_wasserstein(*costs, [4], [2], p=torch.ones(1, 4))
    with pytest.raises(TypeError, match="epsilon"):
        monotonic_gromov_wasserstein(*costs, [4], [2], epsilon=0.1)
