"""The closed-form gradient against numbers, autograd and an unrolled solver."""

import pytest
import torch

from espnet_gmot.errors import InputError
from espnet_gmot.ot import cosine_edge_cost, cosine_node_cost, fused_cost


@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0])
def test_closed_form_passes_gradcheck_for_any_plan_and_edges(alpha):
    random = torch.Generator().manual_seed(0)
    shapes = [(2, 5, 3), (2, 5, 5), (2, 3, 3)]
    costs = [torch.rand(s, generator=random, dtype=torch.float64, requires_grad=True) for s in shapes]
    plan = torch.rand(
        2, 5, 3, generator=random, dtype=torch.float64
    )  # meets no marginals, edges not symmetric
    assert torch.autograd.gradcheck(lambda D, A, B: fused_cost(D, A, B, plan, alpha), costs)


@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0])
def test_gradcheck_of_padded_problems_at_their_couplings(make_batch, solve, alpha):
    batch = make_batch(3, 6, 4, seed=5).with_gradients()
    lengths = batch.lengths_a, batch.lengths_b
    plan = solve(*batch, alpha=alpha, max_iter=100).plan
    assert torch.autograd.gradcheck(lambda D, A, B: fused_cost(D, A, B, plan, alpha, lengths)[0], batch[:3])


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0])
def test_gradcheck_through_the_front_door_where_costs_do_not_move_the_coupling(solve, alpha):
    """A graph and its permuted copy: the coupling is a vertex; a single token: it is the frame marginal."""
    X = torch.randn(1, 5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    Z = X[:, [3, 0, 4, 2, 1]]
    graph = cosine_node_cost(X, Z), cosine_edge_cost(X), cosine_edge_cost(Z)
    lengths = torch.tensor([5, 4]), torch.tensor([5, 1])
    costs = [torch.cat([cost, cost + 0.1]).requires_grad_() for cost in graph]
    settings = {"alpha": alpha, "epsilon": 0.02, "max_iter": 100, "sinkhorn_iter": 50}
    assert torch.autograd.gradcheck(lambda *costs: solve(*costs, *lengths, **settings).value, costs)


def test_value_is_the_four_index_sum_for_any_plan_and_edges(four_index_cost):
    random = torch.Generator().manual_seed(1)
    D, A, B = (
        torch.rand(s, generator=random, dtype=torch.float64) for s in [(1, 6, 4), (1, 6, 6), (1, 4, 4)]
    )
    plan = torch.rand(1, 6, 4, generator=random, dtype=torch.float64)
    value, _, _ = fused_cost(D, A, B, plan, 0.6)
    torch.testing.assert_close(value[0], four_index_cost(D[0], A[0], B[0], plan[0], 0.6))


def test_costs_carry_gradients_and_the_coupling_none(make_batch, solve):
    out = solve(*make_batch(2, 6, 4).with_gradients())
    assert {name for name, field in out._asdict().items() if field.requires_grad} == {"value", "node", "edge"}


def test_gradient_scales_with_each_problem(make_batch, solve):
    batch = make_batch(2, 6, 4)
    weighted, plain = batch.with_gradients(), batch.with_gradients()
    (solve(*weighted).value * torch.tensor([2.0, -3.0])).sum().backward()
    solve(*plain).value.sum().backward()
    for mine, its in zip(weighted[:3], plain[:3], strict=True):
        torch.testing.assert_close(mine.grad, its.grad * torch.tensor([2.0, -3.0])[:, None, None])


def unrolled_objective(D, A, B, alpha, epsilon, steps, sinkhorn_steps, rho):
    """Regularised optimum of one problem by plain, differentiable log-domain iterations."""
    t, n = D.shape
    log_p, log_q = -torch.full((t, 1), float(t)).to(D).log(), -torch.full((1, n), float(n)).to(D).log()
    exponent = 1.0 if rho is None else rho / (rho + epsilon)
    plan, g = (log_p + log_q).exp(), torch.zeros_like(log_q)
    for _ in range(steps):
        p = plan.sum(1, keepdim=True)
        gradient = (1 - alpha) * D + 2 * alpha * (A**2 @ p - 2 * A @ plan @ B)
        log_kernel = log_p + log_q - gradient / epsilon
        for _ in range(sinkhorn_steps):
            f = exponent * (log_p - torch.logsumexp(log_kernel + g, 1, keepdim=True))
            g = log_q - torch.logsumexp(log_kernel + f, 0, keepdim=True)
        plan = (log_kernel + f + g).exp()
    squared = (A[:, None, :, None] - B[None, :, None, :]) ** 2
    value = (1 - alpha) * (D * plan).sum() + alpha * torch.einsum("ijkl,ij,kl->", squared, plan, plan)
    value = value + epsilon * (plan * (plan.log() - log_p - log_q)).sum()
    if rho is not None:
        p = plan.sum(1, keepdim=True)
        value = value + rho * (p * (p.log() - log_p) - p).sum()
    return value


@pytest.mark.parametrize("rho", [None, 0.5])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_envelope_gradient_equals_the_unrolled_one_at_convergence(make_batch, solve, alpha, rho):
    epsilon = 0.4
    batch = make_batch(3, 7, 4, seed=2)
    together = batch.with_gradients()
    out = solve(
        *together, alpha=alpha, epsilon=epsilon, scheme="entropic", rho_a=rho, max_iter=400, tol=1e-13
    )
    out.value.sum().backward()
    for i in range(3):
        alone = batch.one(i).with_gradients()
        unrolled_objective(
            *(cost[0] for cost in alone[:3]), alpha, epsilon, steps=80, sinkhorn_steps=10, rho=rho
        ).backward()
        for mine, its in zip(together[:3], alone[:3], strict=True):
            rows, columns = its.shape[1:]
            expected = torch.zeros_like(its[0]) if its.grad is None else its.grad[0]
            torch.testing.assert_close(mine.grad[i, :rows, :columns], expected, atol=1e-7, rtol=0)


def test_proximal_value_follows_its_gradient(make_batch, solve):
    batch = make_batch(4, 9, 5, seed=3)
    random = torch.Generator().manual_seed(4)
    directions = [torch.rand(cost.shape, generator=random, dtype=torch.float64) for cost in batch[:3]]
    directions = [direction + direction.mT if k else direction for k, direction in enumerate(directions)]
    settings = {"max_iter": 300, "sinkhorn_iter": 50, "tol": 1e-12}
    start = batch.with_gradients()
    solve(*start, **settings).value.sum().backward()
    predicted = sum(
        (cost.grad * direction).sum((1, 2)) for cost, direction in zip(start[:3], directions, strict=True)
    )
    step = 1e-5
    ahead, behind = (
        solve(
            *(cost + sign * step * direction for cost, direction in zip(batch[:3], directions, strict=True)),
            *batch[3:],
            **settings,
        ).value
        for sign in (1, -1)
    )
    torch.testing.assert_close((ahead - behind) / (2 * step), predicted, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"plan": torch.zeros(2, 4, 2)}, r"plan must be \(2, 4, 3\) as D is"),
        ({"A": torch.zeros(2, 5, 5)}, r"A must be \(2, 4, 4\)"),
        ({"lengths": ([4, 5], [3, 3])}, r"lengths\[0\] must lie between 1 and 4"),
    ],
)
def test_cost_of_a_coupling_that_does_not_fit_is_refused(change, message):
    arguments = {"D": torch.zeros(2, 4, 3), "A": torch.zeros(2, 4, 4), "B": torch.zeros(2, 3, 3)}
    arguments |= {"plan": torch.full((2, 4, 3), 1 / 12), "alpha": 0.5} | change
    with pytest.raises(InputError, match=message):
        fused_cost(**arguments)


def test_cost_of_mixed_types_is_computed_in_the_widest():
    D, A, B = torch.rand(1, 4, 3).half(), torch.rand(1, 4, 4), torch.rand(1, 3, 3, dtype=torch.float64)
    value, _, _ = fused_cost(D, A, B, torch.full((1, 4, 3), 1 / 12), 0.5)
    assert value.dtype == torch.float64
