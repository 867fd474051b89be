"""The batched solver against POT's solvers of single problems."""

import numpy as np
import ot
import pytest
import torch

from espnet_gmot.ot import fused_gromov_wasserstein

EXACT = {"sinkhorn_iter": 2000, "tol": 0.0}


def marginals(seed, batch):
    """Random marginals with garbage on the padding."""
    random = torch.Generator().manual_seed(seed)
    out = []
    for lengths, size in ((batch.lengths_a, batch.D.shape[1]), (batch.lengths_b, batch.D.shape[2])):
        weights = torch.rand(len(lengths), size, generator=random, dtype=torch.float64) + 0.2
        valid = torch.arange(size) < lengths[:, None]
        out.append(weights / (weights * valid).sum(1, keepdim=True))
    return out


@pytest.mark.parametrize(
    ("scheme", "solver", "epsilon"), [("entropic", "PGD", 0.2), ("proximal", "PPA", 0.2)]
)
@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_plan_equals_pot_step_by_step(make_batch, four_index_cost, scheme, solver, epsilon, alpha):
    batch = make_batch(8, 11, 6, seed=3)
    p, q = marginals(4, batch)
    out = fused_gromov_wasserstein(
        *batch, p=p, q=q, alpha=alpha, epsilon=epsilon, scheme=scheme, max_iter=5, **EXACT
    )
    for i in range(8):
        D, A, B = (cost[0] for cost in batch.one(i)[:3])
        t, n = D.shape
        expected = ot.gromov.entropic_fused_gromov_wasserstein(
            D.numpy(),
            A.numpy(),
            B.numpy(),
            p[i, :t].numpy(),
            q[i, :n].numpy(),
            epsilon=epsilon,
            alpha=alpha,
            max_iter=5,
            tol=0,
            solver=solver,
            symmetric=True,
            numItermax=5000,
            stopThr=1e-13,
        )
        np.testing.assert_allclose(out.plan[i, :t, :n], expected, atol=1e-8)
        value = four_index_cost(D, A, B, out.plan[i, :t, :n], alpha)
        torch.testing.assert_close(out.value[i], value, atol=1e-12, rtol=1e-10)


@pytest.mark.parametrize("alpha", [0.3, 0.5, 0.9])
def test_local_optimum_is_as_low_as_conditional_gradients(make_batch, alpha):
    batch = make_batch(20, 14, 7, seed=5)
    out = fused_gromov_wasserstein(*batch, alpha=alpha, epsilon=0.05, max_iter=200, sinkhorn_iter=100)
    not_above = 0
    for i in range(20):
        D, A, B = (cost[0].numpy() for cost in batch.one(i)[:3])
        best = ot.gromov.fused_gromov_wasserstein2(
            D, A, B, loss_fun="square_loss", alpha=alpha, symmetric=True
        )
        not_above += float(out.value[i]) <= 1.01 * best
    assert not_above >= 17


@pytest.mark.parametrize("scheme", ["proximal", "entropic"])
@pytest.mark.parametrize("epsilon", [0.01, 0.05])
def test_float32_follows_float64(make_batch, scheme, epsilon):
    batch = make_batch(8, 60, 12, seed=6)
    double = fused_gromov_wasserstein(*batch, epsilon=epsilon, scheme=scheme)
    single = fused_gromov_wasserstein(
        *(cost.float() for cost in batch[:3]), *batch[3:], epsilon=epsilon, scheme=scheme
    )
    assert single.value.dtype == torch.float32
    torch.testing.assert_close(single.value.double(), double.value, atol=1e-6, rtol=0)
    torch.testing.assert_close(single.plan.double(), double.plan, atol=1e-6, rtol=0)


def test_linear_entropic_problem_is_one_sinkhorn_run(make_batch):
    batch = make_batch(4, 9, 5, seed=7)
    settings = {"alpha": 0.0, "epsilon": 0.02, "scheme": "entropic", "tol": 0.0}
    split = fused_gromov_wasserstein(*batch, max_iter=12, sinkhorn_iter=5, **settings)
    whole = fused_gromov_wasserstein(*batch, max_iter=1, sinkhorn_iter=60, **settings)
    torch.testing.assert_close(split.plan, whole.plan, atol=1e-12, rtol=1e-9)


def test_linear_entropic_value_tends_to_exact_transport(make_batch):
    batch = make_batch(6, 10, 6, seed=8)
    gaps = []
    for epsilon in (0.3, 0.03, 0.003):
        out = fused_gromov_wasserstein(
            *batch, alpha=0.0, epsilon=epsilon, scheme="entropic", max_iter=200, sinkhorn_iter=100
        )
        exact = [ot.emd2([], [], batch.one(i).D[0].numpy()) for i in range(6)]
        gaps.append(float((out.value - torch.tensor(exact)).abs().max()))
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 2e-3


@pytest.mark.parametrize("rho", [0.05, 1.0])
def test_relaxed_frames_equal_pot_unbalanced(make_batch, rho):
    batch = make_batch(4, 9, 5, seed=9)
    p, q = marginals(10, batch)
    out = fused_gromov_wasserstein(
        *batch, p=p, q=q, alpha=0.0, epsilon=0.1, scheme="entropic", rho_a=rho, max_iter=1, **EXACT
    )
    for i in range(4):
        D = batch.one(i).D[0]
        t, n = D.shape
        expected = ot.unbalanced.sinkhorn_unbalanced(
            p[i, :t].numpy(),
            q[i, :n].numpy(),
            D.numpy(),
            reg=0.1,
            reg_m=(rho, float("inf")),
            reg_type="kl",
            numItermax=20000,
            stopThr=1e-14,
        )
        np.testing.assert_allclose(out.plan[i, :t, :n], expected, atol=1e-8)
