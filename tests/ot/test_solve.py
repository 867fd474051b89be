"""Known answers, invariances and error messages of the front door."""

import pytest
import torch

from espnet_gmot.errors import InputError
from espnet_gmot.ot import cosine_edge_cost, cosine_node_cost, fused_gromov_wasserstein

SHARP = {"epsilon": 0.02, "max_iter": 100, "sinkhorn_iter": 50}


def graph(size, seed=0):
    X = torch.randn(1, size, 6, generator=torch.Generator().manual_seed(seed))
    return X, cosine_edge_cost(X)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("order", ["same", "permuted"])
def test_graph_is_matched_with_its_copy(alpha, order):
    X, A = graph(7)
    permutation = torch.arange(7) if order == "same" else torch.tensor([3, 0, 6, 2, 5, 1, 4])
    Z = X[:, permutation]
    out = fused_gromov_wasserstein(
        cosine_node_cost(X, Z), A, cosine_edge_cost(Z), [7], [7], alpha=alpha, **SHARP
    )
    expected = torch.eye(7)[:, permutation] / 7
    torch.testing.assert_close(out.plan[0], expected, atol=1e-4, rtol=0)
    assert float(out.value) < 1e-4


def test_one_atom_on_either_side():
    D = torch.tensor([[[0.2], [0.4], [0.6]]])
    A = torch.rand(1, 3, 3)
    A = A + A.mT
    out = fused_gromov_wasserstein(D, A, torch.zeros(1, 1, 1), [3], [1], alpha=0.5)
    torch.testing.assert_close(out.plan, torch.full((1, 3, 1), 1 / 3))
    torch.testing.assert_close(out.node, torch.tensor([0.4]))
    torch.testing.assert_close(out.edge, (A**2).mean((1, 2)))
    across = fused_gromov_wasserstein(D.mT, torch.zeros(1, 1, 1), A, [1], [3], alpha=0.5)
    torch.testing.assert_close(across.value, out.value)
    assert float(out.marginal_error) < 1e-6
    assert int(out.n_iter) == 1


@pytest.mark.parametrize("scheme", ["proximal", "entropic"])
def test_constant_costs_leave_the_independent_coupling(scheme):
    D, A, B = torch.full((1, 5, 3), 0.7), torch.full((1, 5, 5), 0.4), torch.full((1, 3, 3), 0.1)
    out = fused_gromov_wasserstein(D, A, B, [5], [3], alpha=0.5, scheme=scheme)
    torch.testing.assert_close(out.plan, torch.full((1, 5, 3), 1 / 15))
    torch.testing.assert_close(out.value, torch.tensor([0.5 * 0.7 + 0.5 * 0.09]))


def test_value_is_the_weighted_sum_of_its_parts(make_batch):
    out = fused_gromov_wasserstein(*make_batch(5, 9, 4), alpha=0.3)
    torch.testing.assert_close(out.value, 0.7 * out.node + 0.3 * out.edge)


def test_smaller_tolerance_takes_more_steps_and_ends_nearer(make_batch):
    batch = make_batch(6, 12, 5, seed=1)
    runs = {
        tol: fused_gromov_wasserstein(*batch, scheme="entropic", epsilon=0.3, max_iter=500, tol=tol)
        for tol in (1e-2, 1e-4, 1e-12)
    }
    steps = [int(run.n_iter.sum()) for run in runs.values()]
    gaps = [float((run.plan - runs[1e-12].plan).abs().sum()) for run in runs.values()]
    assert steps[0] < steps[1] < steps[2]
    assert gaps[0] > gaps[1] > 0


@pytest.mark.parametrize("rho_a", [None, 0.2])
@pytest.mark.parametrize("scheme", ["proximal", "entropic"])
def test_token_marginal_is_exact_after_few_iterations(make_batch, scheme, rho_a):
    batch = make_batch(6, 30, 8, dtype=torch.float32)
    out = fused_gromov_wasserstein(
        *batch, epsilon=0.01, max_iter=2, sinkhorn_iter=2, scheme=scheme, rho_a=rho_a
    )
    valid = torch.arange(8) < batch.lengths_b[:, None]
    torch.testing.assert_close(out.plan.sum(1), valid / batch.lengths_b[:, None], atol=1e-6, rtol=0)
    off = (
        (out.plan.sum(2) - (torch.arange(30) < batch.lengths_a[:, None]) / batch.lengths_a[:, None])
        .abs()
        .sum(1)
    )
    if rho_a is None:
        torch.testing.assert_close(out.marginal_error, off, atol=1e-5, rtol=0)
    else:
        assert float(out.marginal_error.max()) < 1e-5 < float(off.min())


def test_strong_relaxation_term_is_a_hard_marginal_and_weak_one_is_free():
    D = torch.tensor([[[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]])
    settings = {"alpha": 0.0, "scheme": "entropic", "epsilon": 0.05, "max_iter": 50}
    edges = torch.zeros(1, 3, 3), torch.zeros(1, 2, 2)
    hard = fused_gromov_wasserstein(D, *edges, [3], [2], **settings)
    strong = fused_gromov_wasserstein(D, *edges, [3], [2], rho_a=1e4, **settings)
    weak = fused_gromov_wasserstein(D, *edges, [3], [2], rho_a=1e-4, **settings)
    torch.testing.assert_close(strong.plan, hard.plan, atol=1e-4, rtol=0)
    torch.testing.assert_close(weak.plan[0].sum(1), torch.tensor([0.5, 0.5, 0.0]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("rho_a", [None, 0.2])
@pytest.mark.parametrize("scheme", ["proximal", "entropic"])
@pytest.mark.parametrize("limits", [{"max_iter": 30, "tol": 1e-4}, {"max_iter": 10, "tol": 0.0}])
def test_batch_equals_problems_one_by_one(make_batch, scheme, rho_a, limits):
    batch = make_batch(6, 40, 9, seed=2, dtype=torch.float32)
    settings = {"scheme": scheme, "rho_a": rho_a, **limits}
    together = batch.with_gradients()
    out = fused_gromov_wasserstein(*together, **settings)
    out.value.sum().backward()
    for i in range(6):
        alone = batch.one(i).with_gradients()
        single = fused_gromov_wasserstein(*alone, **settings)
        single.value.sum().backward()
        t, n = single.plan.shape[1:]
        torch.testing.assert_close(out.value[i], single.value[0], atol=1e-6, rtol=0)
        torch.testing.assert_close(out.plan[i, :t, :n], single.plan[0], atol=1e-6, rtol=0)
        assert out.n_iter[i] == single.n_iter[0]
        for mine, its, (rows, columns) in zip(together, alone, [(t, n), (t, t), (n, n)], strict=False):
            torch.testing.assert_close(mine.grad[i, :rows, :columns], its.grad[0], atol=1e-6, rtol=0)


def test_padding_is_ignored_whatever_it_holds(make_batch):
    batch = make_batch(4, 12, 6, seed=3, dtype=torch.float32)
    frames = torch.arange(12) < batch.lengths_a[:, None]
    tokens = torch.arange(6) < batch.lengths_b[:, None]
    masks = [a[:, :, None] & b[:, None] for a, b in ((frames, tokens), (frames, frames), (tokens, tokens))]
    clean = fused_gromov_wasserstein(*batch)
    spoiled = [torch.where(mask, cost, torch.nan) for mask, cost in zip(masks, batch[:3], strict=True)]
    spoiled = [cost.requires_grad_() for cost in spoiled]
    out = fused_gromov_wasserstein(*spoiled, *batch[3:])
    out.value.sum().backward()
    assert torch.equal(out.value, clean.value)
    assert torch.equal(out.plan, clean.plan)
    assert (out.plan[~masks[0]] == 0).all()
    for cost, mask in zip(spoiled, masks, strict=True):
        assert (cost.grad[~mask] == 0).all()
        assert cost.grad[mask].abs().sum() > 0


def test_nan_stays_in_its_own_problem(make_batch):
    batch = make_batch(3, 8, 4)
    clean = fused_gromov_wasserstein(*batch)
    batch.D[1, 0, 0] = torch.nan
    out = fused_gromov_wasserstein(*batch)
    assert out.value.isnan().tolist() == [False, True, False]
    assert torch.equal(out.plan[[0, 2]], clean.plan[[0, 2]])


def test_reordering_frames_and_tokens_reorders_the_plan(make_batch):
    batch = make_batch(1, 10, 5, seed=4).one(0)
    t, n = batch.D.shape[1:]
    rows, columns = torch.randperm(t), torch.randperm(n)
    moved = fused_gromov_wasserstein(
        batch.D[:, rows][:, :, columns],
        batch.A[:, rows][:, :, rows],
        batch.B[:, columns][:, :, columns],
        [t],
        [n],
    )
    out = fused_gromov_wasserstein(*batch)
    torch.testing.assert_close(moved.plan, out.plan[:, rows][:, :, columns], atol=1e-9, rtol=0)
    torch.testing.assert_close(moved.value, out.value)


def test_frame_without_weight_gets_no_mass(make_batch):
    batch = make_batch(1, 8, 4, seed=5).one(0)
    t, n = batch.D.shape[1:]
    p = torch.ones(1, t)
    p[0, 1] = 0
    out = fused_gromov_wasserstein(*batch, p=p / p.sum())
    assert (out.plan[0, 1] == 0).all()
    rest = [i for i in range(t) if i != 1]
    without = fused_gromov_wasserstein(batch.D[:, rest], batch.A[:, rest][:, :, rest], batch.B, [t - 1], [n])
    torch.testing.assert_close(out.plan[:, rest], without.plan, atol=1e-7, rtol=0)


def test_autocast_changes_nothing(make_batch):
    batch = make_batch(3, 20, 6, dtype=torch.float32)
    plain, cast = batch.with_gradients(), batch.with_gradients()
    expected = fused_gromov_wasserstein(*plain)
    expected.value.sum().backward()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = fused_gromov_wasserstein(*cast)
        out.value.sum().backward()
    for mine, its in zip(out, expected, strict=True):
        assert mine.dtype == its.dtype
        assert torch.equal(mine, its)
    for mine, its in zip(cast[:3], plain[:3], strict=True):
        assert torch.equal(mine.grad, its.grad)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_costs_are_solved_in_float32(make_batch, dtype):
    batch = make_batch(2, 10, 5)
    batch = batch._replace(D=batch.D.to(dtype), A=batch.A.to(dtype), B=batch.B.to(dtype)).with_gradients()
    out = fused_gromov_wasserstein(*batch)
    out.value.sum().backward()
    upcast = fused_gromov_wasserstein(*(cost.detach().float() for cost in batch[:3]), *batch[3:])
    assert torch.equal(out.value, upcast.value)
    assert out.value.dtype == torch.float32
    assert batch.A.grad.dtype == dtype


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": -0.1}, "alpha must lie in"),
        ({"alpha": float("nan")}, "alpha must lie in"),
        ({"epsilon": -1.0}, "epsilon must be positive"),
        ({"epsilon": 0.0}, "epsilon must be positive"),
        ({"scheme": "exact"}, "unknown scheme 'exact'; choose one of proximal, entropic"),
        ({"max_iter": 0}, "max_iter must be an integer of at least 1"),
        ({"sinkhorn_iter": 2.5}, "sinkhorn_iter must be an integer of at least 1"),
        ({"tol": -1e-3}, "tol must be at least 0"),
        ({"rho_a": 0.0}, "rho_a must be positive"),
        ({"backend": "gpu"}, "unknown backend 'gpu'; choose one of auto, torch"),
        ({"D": torch.zeros(4, 3)}, r"D must be \(batch, T, N\)"),
        ({"D": torch.zeros(0, 4, 3)}, "no empty dimension"),
        ({"A": torch.zeros(2, 4, 3)}, r"A must be \(2, 4, 4\) to fit D"),
        ({"B": torch.zeros(1, 3, 3)}, r"B must be \(2, 3, 3\) to fit D"),
        ({"lengths_a": [4, 0]}, "lengths_a must lie between 1 and 4"),
        ({"lengths_b": [3, 4]}, "lengths_b must lie between 1 and 3"),
        ({"lengths_a": [4]}, "lengths_a must hold 2 integers"),
        ({"lengths_b": [3.0, 2.0]}, "lengths_b must hold 2 integers"),
        ({"p": torch.ones(2, 4)}, "p must sum to 1 .* problem 0 sums to 4"),
        ({"q": torch.ones(2, 2) / 2}, r"q must be \(2, 3\)"),
        ({"q": torch.tensor([[1.5, -0.5, 0.0]] * 2)}, "q has negative weights"),
    ],
)
def test_wrong_argument_is_named(change, message):
    arguments = {
        "D": torch.zeros(2, 4, 3),
        "A": torch.zeros(2, 4, 4),
        "B": torch.zeros(2, 3, 3),
        "lengths_a": [4, 4],
        "lengths_b": [3, 3],
    }
    with pytest.raises(InputError, match=message):
        fused_gromov_wasserstein(**(arguments | change))
