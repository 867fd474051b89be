"""Fast scalings against exact log-domain iterations."""

import pytest
import torch

from espnet_gmot.ot import sinkhorn as module
from espnet_gmot.ot.sinkhorn import LOG_ZERO, sinkhorn


def problem(spread, dtype=torch.float64):
    random = torch.Generator().manual_seed(0)
    log_kernel = spread * torch.randn(3, 5, 30, generator=random, dtype=dtype)
    log_p = torch.randn(3, 1, 30, generator=random, dtype=dtype).log_softmax(2)
    log_q = torch.randn(3, 5, 1, generator=random, dtype=dtype).log_softmax(1)
    return log_kernel, log_p, log_q, torch.zeros(3, 5, 1, dtype=dtype)


@pytest.mark.parametrize("iterations", [1, 2, 3, 20, 21, 22, 65])
@pytest.mark.parametrize("frame_exponent", [1.0, 0.6])
def test_scalings_equal_exact_iterations(iterations, frame_exponent, monkeypatch):
    fast = sinkhorn(*problem(2.0), iterations, frame_exponent)
    monkeypatch.setattr(module, "LONGEST_RUN", 1)  # leaves exact iterations only
    exact = sinkhorn(*problem(2.0), iterations, frame_exponent)
    torch.testing.assert_close(fast.coupling, exact.coupling, atol=1e-12, rtol=1e-9)
    torch.testing.assert_close(fast.coupling, fast.log_coupling.exp())


def test_coupling_is_the_kernel_scaled_by_its_potentials():
    log_kernel, *rest = problem(2.0)
    scaled = sinkhorn(log_kernel, *rest, 10)
    torch.testing.assert_close(scaled.coupling, (scaled.f + log_kernel + scaled.g).exp())


@pytest.mark.parametrize("spread", [1e2, 1e6, 1e12])
@pytest.mark.parametrize("frame_exponent", [1.0, 0.9, 1e-3])
def test_steep_kernels_stay_finite_in_float32(spread, frame_exponent):
    arguments = problem(spread, torch.float32)
    scaled = sinkhorn(*arguments, 50, frame_exponent)
    assert all(field.isfinite().all() for field in scaled)
    torch.testing.assert_close(scaled.coupling.sum(2), arguments[2][:, :, 0].exp(), atol=1e-6, rtol=0)


def test_converged_hard_marginals_hold():
    log_kernel, log_p, log_q, g = problem(3.0)
    coupling = sinkhorn(log_kernel, log_p, log_q, g, 3000).coupling
    torch.testing.assert_close(coupling.sum(1), log_p[:, 0].exp(), atol=1e-9, rtol=0)


def test_rows_and_columns_without_weight_stay_empty():
    log_kernel, log_p, log_q, g = problem(2.0)
    log_p[:, :, 3], log_q[:, 1] = LOG_ZERO, LOG_ZERO
    log_p, log_q = log_p.log_softmax(2).clamp_min(LOG_ZERO), log_q.log_softmax(1).clamp_min(LOG_ZERO)
    empty = (log_p == LOG_ZERO) | (log_q == LOG_ZERO)
    scaled = sinkhorn(log_kernel.masked_fill(empty, LOG_ZERO), log_p, log_q, g, 30)
    assert (scaled.coupling[empty] == 0).all()
    assert scaled.log_coupling.isfinite().all()
