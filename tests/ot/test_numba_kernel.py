"""The compiled CPU kernel, and POT as a backend, against the torch backend."""

import os
import subprocess
import sys

import pytest
import torch

from espnet_gmot.ot import fused_gromov_wasserstein, numba_kernel
from espnet_gmot.ot.backends import choose_backend
from espnet_gmot.ot.problem import make_problem

pytestmark = [pytest.mark.slow, pytest.mark.watch]


def test_numba_means_this_kernel(make_batch):
    assert choose_backend("numba", make_problem(*make_batch(1, 5, 3))) is numba_kernel.solve_in_parallel


@pytest.mark.parametrize("scheme", ["proximal", "entropic"])
@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize(
    ("backend", "dtype", "tolerance", "limits"),
    [
        ("numba", torch.float64, 1e-12, {"max_iter": 5, "sinkhorn_iter": 45}),  # measured: 6e-14
        ("numba", torch.float64, 1e-12, {"max_iter": 5, "sinkhorn_iter": 45, "rho_a": 0.1}),
        ("numba", torch.float32, 3e-6, {"max_iter": 5, "sinkhorn_iter": 45}),  # measured: 5e-7
        ("numba", torch.float32, 3e-6, {"max_iter": 5, "sinkhorn_iter": 45, "rho_a": 0.1}),
        ("numba", torch.float64, 1e-12, {"max_iter": 5, "sinkhorn_iter": 15, "overrelaxation": 1.8}),
        (
            "numba",
            torch.float32,
            3e-6,
            {"max_iter": 5, "sinkhorn_iter": 15, "overrelaxation": 1.8},
        ),
        ("pot", torch.float64, 1e-6, {"max_iter": 3, "sinkhorn_iter": 3000}),
    ],
)
def test_backend_agrees_with_torch(
    make_batch, make_marginals, backend, dtype, tolerance, limits, alpha, scheme, warm
):
    batch = make_batch(8, 20, 7, seed=11, dtype=dtype, shortest=0)
    p, q = make_marginals(12, batch)
    options = {"alpha": alpha, "epsilon": 0.4, "scheme": scheme, "tol": 0.0, "p": p, "q": q} | limits
    if warm:
        options["start"] = fused_gromov_wasserstein(*batch, p=p, q=q, max_iter=2).plan
    mine = fused_gromov_wasserstein(*batch, backend=backend, **options)
    reference = fused_gromov_wasserstein(*batch, backend="torch", **options)
    for field in ("plan", "value", "node", "edge", "marginal_error"):
        torch.testing.assert_close(getattr(mine, field), getattr(reference, field), atol=tolerance, rtol=0)


@pytest.mark.parametrize("rho_a", [None, 0.1])
@pytest.mark.parametrize("scheme", ["proximal", "entropic"])
def test_numba_stops_where_torch_does(make_batch, rho_a, scheme):
    batch = make_batch(20, 20, 7, seed=12, shortest=0)
    options = {"epsilon": 0.3, "scheme": scheme, "rho_a": rho_a, "max_iter": 30, "tol": 1e-3}
    mine = fused_gromov_wasserstein(*batch, backend="numba", **options)
    reference = fused_gromov_wasserstein(*batch, backend="torch", **options)
    assert len(set(reference.n_iter.tolist())) > 1
    assert mine.n_iter.tolist() == reference.n_iter.tolist()
    assert mine.converged.tolist() == reference.converged.tolist()


SOLVE = """
import torch
from espnet_gmot.ot import fused_gromov_wasserstein

torch.manual_seed(0)
frames, tokens = torch.randn(4, 20, 16), torch.randn(4, 7, 16)
pairs = ((frames, tokens), (frames, frames), (tokens, tokens))
costs = [torch.cdist(*pair).requires_grad_() for pair in pairs]
found = fused_gromov_wasserstein(*costs, [20, 18, 15, 20], [7, 6, 5, 7], backend="numba")
found.value.sum().backward()
for tensor in (found.plan, found.value, *(cost.grad for cost in costs)):
    print(tensor.detach().numpy().tobytes().hex())
"""


def test_the_process_that_compiles_finds_what_later_ones_find_to_the_last_digit(tmp_path):
    here = os.environ | {
        "NUMBA_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    first, second = (
        subprocess.run(
            [sys.executable, "-c", SOLVE], env=here, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    )
    assert list(tmp_path.rglob("*.nbc"))
    assert first == second
