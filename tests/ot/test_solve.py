"""Known answers, invariances and error messages of the front door."""

from itertools import pairwise

import pytest
import torch

from espnet_gmot.errors import InputError
from espnet_gmot.ot import cosine_edge_cost, cosine_node_cost, fused_gromov_wasserstein

SHARP = {"epsilon": 0.02, "max_iter": 100, "sinkhorn_iter": 50}


def independent_coupling(batch):
    return batch.masks()[0] / (batch.lengths_a * batch.lengths_b)[:, None, None].double()


def graph(size, seed=0):
    X = torch.randn(1, size, 6, generator=torch.Generator().manual_seed(seed))
    return X, cosine_edge_cost(X)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("order", ["same", "permuted"])
def test_graph_is_matched_with_its_copy(alpha, order, solve):
    X, A = graph(7)
    permutation = torch.arange(7) if order == "same" else torch.tensor([3, 0, 6, 2, 5, 1, 4])
    Z = X[:, permutation]
    out = solve(cosine_node_cost(X, Z), A, cosine_edge_cost(Z), [7], [7], alpha=alpha, **SHARP)
    expected = torch.eye(7)[:, permutation] / 7
    torch.testing.assert_close(out.plan[0], expected, atol=1e-4, rtol=0)
    assert float(out.value) < 1e-4


def test_one_atom_on_either_side(solve):
    D = torch.tensor([[[0.2], [0.4], [0.6]]])
    A = torch.rand(1, 3, 3)
    A = A + A.mT
    out = solve(D, A, torch.zeros(1, 1, 1), [3], [1], alpha=0.5)
    torch.testing.assert_close(out.plan, torch.full((1, 3, 1), 1 / 3))
    torch.testing.assert_close(out.node, torch.tensor([0.4]))
    torch.testing.assert_close(out.edge, (A**2).mean((1, 2)))
    across = solve(D.mT, torch.zeros(1, 1, 1), A, [1], [3], alpha=0.5)
    torch.testing.assert_close(across.value, out.value)
    assert float(out.marginal_error) < 1e-6
    assert int(out.n_iter) == 1


@pytest.mark.parametrize("scheme", ["proximal", "entropic"])
def test_constant_costs_leave_the_independent_coupling(scheme, solve):
    D, A, B = torch.full((1, 5, 3), 0.7), torch.full((1, 5, 5), 0.4), torch.full((1, 3, 3), 0.1)
    out = solve(D, A, B, [5], [3], alpha=0.5, scheme=scheme)
    torch.testing.assert_close(out.plan, torch.full((1, 5, 3), 1 / 15))
    torch.testing.assert_close(out.value, torch.tensor([0.5 * 0.7 + 0.5 * 0.09]))


def test_value_is_the_weighted_sum_of_its_parts(make_batch, solve):
    out = solve(*make_batch(5, 9, 4), alpha=0.3)
    torch.testing.assert_close(out.value, 0.7 * out.node + 0.3 * out.edge)


def test_smaller_tolerance_takes_more_steps_and_ends_nearer(make_batch, solve):
    batch = make_batch(6, 12, 5, seed=1)
    runs = {
        tol: solve(*batch, scheme="entropic", epsilon=0.3, max_iter=500, tol=tol)
        for tol in (1e-2, 1e-4, 1e-12)
    }
    steps = [int(run.n_iter.sum()) for run in runs.values()]
    gaps = [float((run.plan - runs[1e-12].plan).abs().sum()) for run in runs.values()]
    assert steps[0] < steps[1] < steps[2]
    assert gaps[0] > gaps[1] > 0


@pytest.mark.parametrize("rho_a", [None, 0.2])
@pytest.mark.parametrize("scheme", ["proximal", "entropic"])
def test_token_marginal_is_exact_after_few_iterations(make_batch, scheme, rho_a, solve):
    batch = make_batch(6, 30, 8, dtype=torch.float32)
    out = solve(*batch, epsilon=0.01, max_iter=2, sinkhorn_iter=2, scheme=scheme, rho_a=rho_a)
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


def test_overrelaxation_reaches_the_same_coupling_in_fewer_iterations(make_speech, solve):
    batch = make_speech(10, 60, 10)
    settings = {"epsilon": 0.02, "max_iter": 1, "tol": 0.0, "scheme": "entropic"}
    exact = solve(*batch, sinkhorn_iter=5000, **settings)
    plain = solve(*batch, sinkhorn_iter=60, **settings)
    over = solve(*batch, sinkhorn_iter=60, overrelaxation=1.8, **settings)
    gap, plain_gap = ((out.plan - exact.plan).abs().sum((1, 2)) for out in (over, plain))
    assert float(gap.mean()) < 0.1 * float(plain_gap.mean())
    converged = solve(*batch, sinkhorn_iter=5000, overrelaxation=1.8, **settings)
    torch.testing.assert_close(converged.plan, exact.plan, atol=1e-9, rtol=0)


def test_strong_relaxation_term_is_a_hard_marginal_and_weak_one_is_free(solve):
    D = torch.tensor([[[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]])
    settings = {"alpha": 0.0, "scheme": "entropic", "epsilon": 0.05, "max_iter": 50}
    edges = torch.zeros(1, 3, 3), torch.zeros(1, 2, 2)
    hard = solve(D, *edges, [3], [2], **settings)
    strong = solve(D, *edges, [3], [2], rho_a=1e4, **settings)
    weak = solve(D, *edges, [3], [2], rho_a=1e-4, **settings)
    torch.testing.assert_close(strong.plan, hard.plan, atol=1e-4, rtol=0)
    torch.testing.assert_close(weak.plan[0].sum(1), torch.tensor([0.5, 0.5, 0.0]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("rho_a", [None, 0.2])
@pytest.mark.parametrize("scheme", ["proximal", "entropic"])
@pytest.mark.parametrize("limits", [{"max_iter": 30, "tol": 1e-4}, {"max_iter": 10, "tol": 0.0}])
@pytest.mark.parametrize("warm", [False, True])
def test_batch_equals_problems_one_by_one(make_batch, scheme, rho_a, limits, warm, solve):
    batch = make_batch(6, 40, 9, seed=2, dtype=torch.float32)
    settings = {"scheme": scheme, "rho_a": rho_a, **limits}
    start = solve(*batch, max_iter=1).plan if warm else independent_coupling(batch)
    together = batch.with_gradients()
    out = solve(*together, start=start, **settings)
    out.value.sum().backward()
    for i in range(6):
        alone = batch.one(i).with_gradients()
        t, n = alone.D.shape[1:]
        single = solve(*alone, start=start[i : i + 1, :t, :n] if warm else None, **settings)
        single.value.sum().backward()
        torch.testing.assert_close(out.value[i], single.value[0], atol=1e-6, rtol=0)
        torch.testing.assert_close(out.plan[i, :t, :n], single.plan[0], atol=1e-6, rtol=0)
        assert out.n_iter[i] == single.n_iter[0]
        for mine, its, (rows, columns) in zip(together, alone, [(t, n), (t, t), (n, n)], strict=False):
            torch.testing.assert_close(mine.grad[i, :rows, :columns], its.grad[0], atol=1e-6, rtol=0)


def test_padding_is_ignored_whatever_it_holds(make_batch, solve):
    batch = make_batch(4, 12, 6, seed=3, dtype=torch.float32)
    masks = batch.masks()
    clean = solve(*batch)
    spoiled = [torch.where(mask, cost, torch.nan) for mask, cost in zip(masks, batch[:3], strict=True)]
    spoiled = [cost.requires_grad_() for cost in spoiled]
    out = solve(*spoiled, *batch[3:])
    out.value.sum().backward()
    assert torch.equal(out.value, clean.value)
    assert torch.equal(out.plan, clean.plan)
    assert (out.plan[~masks[0]] == 0).all()
    for cost, mask in zip(spoiled, masks, strict=True):
        assert (cost.grad[~mask] == 0).all()
        assert cost.grad[mask].abs().sum() > 0


def test_nan_stays_in_its_own_problem(make_batch, solve):
    batch = make_batch(3, 8, 4)
    clean = solve(*batch)
    batch.D[1, 0, 0] = torch.nan
    out = solve(*batch)
    assert out.value.isnan().tolist() == [False, True, False]
    assert torch.equal(out.plan[[0, 2]], clean.plan[[0, 2]])


def test_reordering_frames_and_tokens_reorders_the_plan(make_batch, solve):
    batch = make_batch(1, 10, 5, seed=4).one(0)
    t, n = batch.D.shape[1:]
    rows, columns = torch.randperm(t), torch.randperm(n)
    moved = solve(
        batch.D[:, rows][:, :, columns],
        batch.A[:, rows][:, :, rows],
        batch.B[:, columns][:, :, columns],
        [t],
        [n],
    )
    out = solve(*batch)
    torch.testing.assert_close(moved.plan, out.plan[:, rows][:, :, columns], atol=1e-9, rtol=0)
    torch.testing.assert_close(moved.value, out.value)


def test_frame_without_weight_gets_no_mass(make_batch, solve):
    batch = make_batch(1, 8, 4, seed=5).one(0)
    t, n = batch.D.shape[1:]
    p = torch.ones(1, t)
    p[0, 1] = 0
    out = solve(*batch, p=p / p.sum())
    assert (out.plan[0, 1] == 0).all()
    rest = [i for i in range(t) if i != 1]
    without = solve(batch.D[:, rest], batch.A[:, rest][:, :, rest], batch.B, [t - 1], [n])
    torch.testing.assert_close(out.plan[:, rest], without.plan, atol=1e-7, rtol=0)


def test_autocast_changes_nothing(make_batch, solve):
    batch = make_batch(3, 20, 6, dtype=torch.float32)
    plain, cast = batch.with_gradients(), batch.with_gradients()
    expected = solve(*plain)
    expected.value.sum().backward()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = solve(*cast)
        out.value.sum().backward()
    for mine, its in zip(out, expected, strict=True):
        assert mine.dtype == its.dtype
        assert torch.equal(mine, its)
    for mine, its in zip(cast[:3], plain[:3], strict=True):
        assert torch.equal(mine.grad, its.grad)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_costs_are_solved_in_float32(make_batch, dtype, solve):
    batch = make_batch(2, 10, 5)
    batch = batch._replace(D=batch.D.to(dtype), A=batch.A.to(dtype), B=batch.B.to(dtype)).with_gradients()
    out = solve(*batch)
    out.value.sum().backward()
    upcast = solve(*(cost.detach().float() for cost in batch[:3]), *batch[3:])
    assert torch.equal(out.value, upcast.value)
    assert out.value.dtype == torch.float32
    assert batch.A.grad.dtype == dtype


@pytest.mark.parametrize("scheme", ["proximal", "entropic"])
@pytest.mark.parametrize("rho_a", [None, 0.2])
def test_start_from_the_independent_coupling_changes_nothing(make_batch, scheme, rho_a, solve):
    batch = make_batch(5, 12, 5, seed=6)
    plain = solve(*batch, scheme=scheme, rho_a=rho_a)
    out = solve(*batch, scheme=scheme, rho_a=rho_a, start=independent_coupling(batch))
    torch.testing.assert_close(out.plan, plain.plan, atol=1e-12, rtol=0)


@pytest.mark.parametrize("scheme", ["proximal", "entropic"])
def test_two_halves_equal_one_run_where_sinkhorn_converges(make_batch, scheme, solve):
    batch = make_batch(5, 12, 5, seed=7)
    settings = {"scheme": scheme, "epsilon": 0.4, "sinkhorn_iter": 1000, "tol": 0.0}
    half = solve(*batch, max_iter=3, **settings)
    whole = solve(*batch, max_iter=6, **settings)
    resumed = solve(*batch, max_iter=3, start=half.plan, **settings)
    torch.testing.assert_close(resumed.plan, whole.plan, atol=1e-9, rtol=0)
    assert float((whole.plan - half.plan).abs().max()) > 1e-3


@pytest.mark.parametrize("scheme", ["proximal", "entropic"])
def test_start_from_the_solution_stops_soon(make_batch, scheme, solve):
    batch = make_batch(5, 12, 5, seed=8)
    settings = {"scheme": scheme, "epsilon": 0.2, "max_iter": 2000, "sinkhorn_iter": 200}
    solved = solve(*batch, tol=1e-9, **settings)
    again = solve(*batch, tol=1e-6, start=solved.plan, **settings)
    assert solved.converged.all()
    assert int(again.n_iter.max()) <= 5 < int(solved.n_iter.min())
    torch.testing.assert_close(again.plan, solved.plan, atol=1e-6, rtol=0)  # measured: 1.4e-7


def test_mass_returns_to_entries_that_a_start_lacks(solve):
    X, A = graph(5)
    wrong = torch.eye(5)[None].roll(1, 2) / 5
    out = solve(cosine_node_cost(X, X), A, A, [5], [5], alpha=0.0, start=wrong, **SHARP)
    torch.testing.assert_close(out.plan[0], torch.eye(5) / 5, atol=1e-4, rtol=0)


def test_padding_of_start_and_marginals_is_ignored(make_batch, make_marginals, solve):
    batch = make_batch(4, 12, 6, seed=9)
    pair, frames, tokens = batch.masks()
    p, q = make_marginals(1, batch)
    p, q = torch.where(frames.any(2), p, 0.0), torch.where(tokens.any(2), q, 0.0)
    start = solve(*batch, p=p, q=q, max_iter=2).plan
    clean = solve(*batch, p=p, q=q, start=start)
    p, q, start = (
        torch.where(mask, x, torch.nan) for mask, x in ((frames.any(2), p), (tokens.any(2), q), (pair, start))
    )
    out = solve(*batch, p=p, q=q, start=start)
    assert torch.equal(out.plan, clean.plan)
    assert torch.equal(out.value, clean.value)


def test_no_gradient_reaches_start_and_marginals(make_batch, make_marginals, solve):
    batch = make_batch(3, 8, 4, seed=10)
    p, q = make_marginals(2, batch)
    p, q, start = (x.requires_grad_() for x in (p, q, independent_coupling(batch)))
    solve(*batch.with_gradients(), p=p, q=q, start=start).value.sum().backward()
    assert p.grad is q.grad is start.grad is None


@pytest.mark.parametrize("scheme", ["proximal", "entropic"])
@pytest.mark.parametrize("rho_a", [None, 0.2])
def test_converged_problems_stopped_at_the_first_step_within_tolerance(make_batch, scheme, rho_a, solve):
    batch, tol = make_batch(30, 8, 5, seed=11, shortest=0), 3e-3
    settings = {"scheme": scheme, "rho_a": rho_a, "epsilon": 0.2}
    out = solve(*batch, max_iter=15, tol=tol, **settings)
    runs = [solve(*batch, max_iter=steps, tol=0.0, **settings) for steps in range(1, 16)]
    plans = [independent_coupling(batch), *(run.plan for run in runs)]
    changes = torch.stack([(plan - last).abs().sum((1, 2)) for last, plan in pairwise(plans)])
    errors = torch.stack([run.marginal_error for run in runs])  # (15, batch)
    within = (changes <= tol) & (errors <= tol)
    assert out.converged.tolist() == within.any(0).tolist()
    assert 3 < int(out.converged.sum()) < 30
    for i in range(30):
        steps = 1 + int(within[:, i].int().argmax()) if out.converged[i] else 15
        assert int(out.n_iter[i]) == steps
        torch.testing.assert_close(out.plan[i], plans[steps][i], atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": -0.1}, "alpha must lie in"),
        ({"alpha": 1.1}, "alpha must lie in"),
        ({"alpha": float("nan")}, "alpha must lie in"),
        ({"epsilon": -1.0}, "epsilon must be positive"),
        ({"epsilon": 0.0}, "epsilon must be positive"),
        ({"epsilon": float("inf")}, "epsilon must be positive and finite"),
        ({"scheme": "exact"}, "unknown scheme 'exact'; choose one of proximal, entropic"),
        ({"max_iter": 0}, "max_iter must be an integer of at least 1"),
        ({"sinkhorn_iter": 2.5}, "sinkhorn_iter must be an integer of at least 1"),
        ({"tol": -1e-3}, "tol must be at least 0"),
        ({"rho_a": 0.0}, "rho_a must be positive"),
        ({"rho_a": -1.0}, "rho_a must be positive"),
        ({"overrelaxation": 2.0}, r"overrelaxation must lie in \[1, 2\)"),
        ({"overrelaxation": 1.5, "rho_a": 1.0}, "overrelaxation must be 1 where rho_a relaxes"),
        ({"overrelaxation": 0.9}, r"overrelaxation must lie in \[1, 2\)"),
        ({"backend": "gpu"}, "unknown backend 'gpu'; choose one of auto, torch"),
        ({"backend": "pot", "rho_a": 1.0}, "rho_a must be None with backend 'pot'"),
        ({"backend": "pot", "overrelaxation": 1.5}, "overrelaxation must be 1 with backend 'pot'"),
        ({"lengths_a": torch.tensor([True, True])}, "lengths_a must hold 2 integers"),
        ({"D": torch.zeros(4, 3)}, r"D must be \(batch, T, N\)"),
        ({"D": torch.zeros(0, 4, 3)}, "no empty dimension"),
        ({"A": torch.zeros(2, 4, 3)}, r"A must be \(2, 4, 4\) to fit D"),
        ({"B": torch.zeros(1, 3, 3)}, r"B must be \(2, 3, 3\) to fit D"),
        ({"D": torch.zeros(2, 4, 0)}, "no empty dimension"),
        ({"lengths_a": [4, 0]}, "lengths_a must lie between 1 and 4, .* problem 1 has 0"),
        ({"lengths_b": [-1, 3]}, "lengths_b must lie between 1 and 3, .* problem 0 has -1"),
        ({"lengths_b": [3, 4]}, "lengths_b must lie between 1 and 3"),
        ({"lengths_a": [4]}, "lengths_a must hold 2 integers"),
        ({"lengths_b": [3.0, 2.0]}, "lengths_b must hold 2 integers"),
        ({"p": torch.ones(2, 4)}, "p must sum to 1 .* problem 0 sums to 4"),
        ({"q": torch.ones(2, 2) / 2}, r"q must be \(2, 3\)"),
        ({"q": torch.tensor([[1.5, -0.5, 0.0]] * 2)}, "q has negative weights in problem 0"),
        ({"start": torch.ones(2, 3, 4) / 12}, r"start must be \(2, 4, 3\), a coupling for each problem"),
        ({"start": torch.ones(4, 3) / 12}, r"start must be \(2, 4, 3\)"),
        ({"start": torch.ones(2, 4, 3) / 6}, "start must sum to 1 .* problem 0 sums to 2"),
        (
            {"start": torch.tensor([[2.0, -1.0, 0.0]] + [[0.0] * 3] * 3).expand(2, -1, -1)},
            "start has negative",
        ),
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
