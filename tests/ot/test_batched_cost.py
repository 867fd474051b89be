"""The two implementations of cost and gradient against each other, on ragged batches with spoiled padding."""

import pytest
import torch

from espnet_gmot.ot import batched_cost, fused_gromov_wasserstein, numba_cost
from espnet_gmot.ot.problem import masked, within


@pytest.fixture(params=["sharp", "smooth", "no marginal holds"])
def case(request, make_batch):
    """Costs with NaN on the padding, a coupling, lengths; edge costs that are not symmetric."""
    batch = make_batch(6, 37, 9, seed=11)
    lengths = batch.lengths_a, batch.lengths_b
    frames, tokens = within(lengths[0], 37), within(lengths[1], 9)
    if request.param == "no marginal holds":
        plan = torch.rand(6, 37, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    else:
        options = {"sharp": {"epsilon": 0.01}, "smooth": {"scheme": "entropic", "epsilon": 1.0}}
        plan = fused_gromov_wasserstein(*batch, **options[request.param]).plan
    plan = masked(plan, frames, tokens)
    tilt = torch.linspace(0, 0.1, 37, dtype=torch.float64)
    D, A, B = batch.D, batch.A + tilt[:, None], batch.B + tilt[:9]
    sides = (frames, tokens), (frames, frames), (tokens, tokens)
    costs = [
        torch.where(rows[:, :, None] & columns[:, None], cost, torch.nan)
        for cost, (rows, columns) in zip((D, A, B), sides, strict=True)
    ]
    return costs, plan, lengths


@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-14), (torch.float32, 2e-6)])
def test_compiled_cost_equals_torch(case, dtype, error):
    costs, plan, lengths = case
    expected = batched_cost.node_and_edge(*costs, plan, lengths)
    single = [cost.to(dtype) for cost in costs]
    computed = numba_cost.node_and_edge(*single, plan.to(dtype), lengths)
    for mine, its in zip(computed, expected, strict=True):
        assert mine.dtype == dtype
        torch.testing.assert_close(mine.double(), its, rtol=0, atol=error * float(its.max().clamp_min(1)))


@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-14), (torch.float32, 2e-6)])
def test_compiled_gradient_equals_torch(case, dtype, error):
    (_, A, B), plan, lengths = case
    scale = torch.linspace(-1, 2, 6, dtype=torch.float64)
    names = "frame_edge_gradient", "token_edge_gradient"
    expected = [getattr(batched_cost, name)(A, B, plan, lengths, scale) for name in names]
    single = [x.to(dtype) for x in (A, B, plan)]
    computed = [getattr(numba_cost, name)(*single, lengths, scale.to(dtype)) for name in names]
    for mine, its in zip(computed, expected, strict=True):
        assert its.isfinite().all()
        torch.testing.assert_close(
            mine.double(), its, rtol=0, atol=error * float(its.abs().max().clamp_min(1))
        )


def test_nan_in_a_valid_entry_shows_in_the_cost(make_batch):
    batch = make_batch(2, 6, 4)
    plan = fused_gromov_wasserstein(*batch).plan
    lengths = batch.lengths_a, batch.lengths_b
    batch.A[1, 0, 1] = torch.nan
    for module in (batched_cost, numba_cost):
        _, edge = module.node_and_edge(*batch[:3], plan, lengths)
        assert edge.isnan().tolist() == [False, True]
