"""POT as a backend: what it adds to POT's own function, and where it meets the reference."""

import numpy as np
import ot
import pytest
import torch

from espnet_gmot.errors import InputError
from espnet_gmot.ot.mirror_descent import mirror_descent
from espnet_gmot.ot.options import SolverOptions
from espnet_gmot.ot.pot_loop import solve_one_by_one
from espnet_gmot.ot.problem import make_problem


@pytest.mark.parametrize(("scheme", "solver"), [("entropic", "PGD"), ("proximal", "PPA")])
def test_steps_are_those_of_pots_own_loop(make_batch, make_marginals, scheme, solver):
    batch = make_batch(4, 9, 5)
    problem = make_problem(*batch, *make_marginals(1, batch))
    solution = solve_one_by_one(
        problem, SolverOptions(epsilon=0.2, scheme=scheme, max_iter=4, sinkhorn_iter=7, tol=0.0)
    )
    for i in range(4):
        D, A, B, t, n = (x[0].numpy() for x in batch.one(i))
        expected = ot.gromov.entropic_fused_gromov_wasserstein(
            D.T,
            B,
            A,
            problem.q[i, :n].numpy(),
            problem.p[i, :t].numpy(),
            epsilon=0.2,
            max_iter=4,
            tol=0,
            solver=solver,
            numItermax=7,
            warn=False,
        )
        np.testing.assert_array_equal(solution.plan[i, :t, :n], expected.T)
        assert solution.plan[i, t:].count_nonzero() == solution.plan[i, :, n:].count_nonzero() == 0
        np.testing.assert_allclose(solution.plan[i, :t, :n].sum(0), problem.q[i, :n], atol=1e-14)


@pytest.mark.parametrize("scheme", ["proximal", "entropic"])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("warm", [False, True])
def test_equals_the_reference_where_sinkhorn_converges(make_batch, make_marginals, scheme, alpha, warm):
    batch = make_batch(6, 8, 5, seed=1, shortest=0)
    p, q = make_marginals(2, batch)
    p[batch.lengths_a > 1, 0] = 0  # frames without weight
    p = p / (p * batch.masks()[1].any(2)).sum(1, keepdim=True)
    start = None
    if warm:
        start = mirror_descent(make_problem(*batch, p, q), SolverOptions(epsilon=0.5, max_iter=1)).plan
    problem = make_problem(*batch, p, q, start)
    options = SolverOptions(alpha, 0.4, scheme, max_iter=8, sinkhorn_iter=1000, tol=3e-3)
    ours, pots = mirror_descent(problem, options), solve_one_by_one(problem, options)
    torch.testing.assert_close(pots.plan, ours.plan, atol=1e-7, rtol=0)  # measured: 1.2e-8
    assert pots.n_iter.tolist() == ours.n_iter.tolist()
    assert pots.converged.tolist() == ours.converged.tolist()


def test_float32_problem_gets_a_float32_plan(make_batch):
    problem = make_problem(*make_batch(2, 6, 4, dtype=torch.float32))
    solution = solve_one_by_one(problem, SolverOptions())
    assert solution.plan.dtype == torch.float32


def test_relaxed_frames_are_refused(make_batch):
    problem = make_problem(*make_batch(2, 6, 4))
    with pytest.raises(InputError, match="rho_a must be None with backend 'pot', got 0.1; .* torch, numba"):
        solve_one_by_one(problem, SolverOptions(rho_a=0.1))


@pytest.mark.filterwarnings("ignore")
def test_failure_of_pot_is_not_hidden(make_batch):
    batch, options = make_batch(3, 8, 4), SolverOptions(epsilon=0.5, scheme="entropic", tol=1e-2)
    clean = solve_one_by_one(make_problem(*batch), options)
    batch.D[1, 0, 0] = torch.nan
    solution = solve_one_by_one(make_problem(*batch), options)
    assert solution.plan.isnan().any(2).any(1).tolist() == [False, True, False]
    assert solution.converged.tolist() == [True, False, True]
    assert torch.equal(solution.plan[[0, 2]], clean.plan[[0, 2]])


@pytest.mark.filterwarnings("ignore:Solver failed", "ignore:invalid value")
def test_underflow_shows_in_the_marginals(make_batch):
    problem = make_problem(*make_batch(1, 8, 4).one(0))
    problem = problem._replace(node=problem.node + 1)
    with pytest.warns(UserWarning, match="numerical errors"):
        solution = solve_one_by_one(problem, SolverOptions(epsilon=1e-3, scheme="entropic"))
    assert (solution.plan.sum(1) - problem.q).abs().sum() > 0.1
    assert not solution.converged.any()
