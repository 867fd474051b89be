"""POT's solver of single problems as a backend: slow, and the oracle of the others."""

import numpy as np
import ot
import torch

from espnet_gmot.errors import InputError
from espnet_gmot.ot.mirror_descent import Solution, marginal_error
from espnet_gmot.ot.options import SolverOptions
from espnet_gmot.ot.problem import TransportProblem

POT_SOLVERS = {"proximal": "PPA", "entropic": "PGD"}

# POT ends its Sinkhorn iterations at this marginal error (L2), about the rounding error of float64.
SINKHORN_TOL = 1e-15


def solve_one_by_one(problem: TransportProblem, options: SolverOptions) -> Solution:
    """Solve the problems of a batch in turn with ``ot.gromov.entropic_fused_gromov_wasserstein``, in float64.

    The couplings are those of ``mirror_descent`` where ``options.sinkhorn_iter`` is enough for the Sinkhorn
    iterations to converge. With fewer they differ a little: POT lets no potentials carry over from step to
    step (its own warm start carries ``epsilon log u`` where its Sinkhorn solver expects ``log u``), and its
    gradient takes ``p`` for the frame sums that a coupling really has. Where a small ``epsilon`` makes POT's
    kernel underflow, POT warns and what it returned is passed on; its marginal error shows.

    Raises:
        InputError: ``rho_a`` or ``overrelaxation`` is set: POT has hard marginals and plain Sinkhorn here.

    Source: Flamary et al., "POT: Python Optimal Transport", JMLR 22(78), 2021.
    """
    if options.overrelaxation > 1:
        raise InputError(
            f"overrelaxation must be 1 with backend 'pot', got {options.overrelaxation}; "
            "the backends that over-relax are torch, numba and triton"
        )
    if options.rho_a is not None:
        raise InputError(
            f"rho_a must be None with backend 'pot', got {options.rho_a}; "
            "the backends that relax the frame marginal are torch, numba and triton"
        )
    plan = torch.zeros_like(problem.node)
    n_iter = torch.zeros_like(problem.lengths_a)
    converged = torch.zeros_like(problem.lengths_a, dtype=torch.bool)
    independent = problem.p[:, :, None] * problem.q[:, None, :]  # (batch, T, N)
    start = independent if problem.start is None else problem.start
    for i in range(len(plan)):
        # POT divides by the weights: frames and tokens without any, padding among them, stay outside.
        frames, tokens = problem.p[i].nonzero()[:, 0], problem.q[i].nonzero()[:, 0]
        # Transposed, because POT scales its rows last, and the token side is to hold exactly.
        coupling, n_iter[i], converged[i] = _descend(
            _array(problem.node[i][frames][:, tokens].mT),
            _array(problem.edge_b[i][tokens][:, tokens]),
            _array(problem.edge_a[i][frames][:, frames]),
            _array(problem.q[i][tokens]),
            _array(problem.p[i][frames]),
            _array(start[i][frames][:, tokens].mT),
            options,
        )
        plan[i][frames[:, None], tokens] = torch.from_numpy(coupling.T).to(plan)
    return Solution(plan, n_iter, converged, marginal_error(plan, problem, options))


def _descend(
    M: np.ndarray,
    C1: np.ndarray,
    C2: np.ndarray,
    p: np.ndarray,
    q: np.ndarray,
    plan: np.ndarray,
    options: SolverOptions,
) -> tuple[np.ndarray, int, bool]:
    """Return one coupling in POT's symbols, the steps taken and whether the last met the tolerance."""
    for step in range(1, options.max_iter + 1):
        previous = plan
        with np.errstate(divide="ignore"):  # PPA takes the logarithm of couplings that hold zeros
            # One step a call: POT itself looks at the change after every tenth step only.
            plan = ot.gromov.entropic_fused_gromov_wasserstein(
                M,
                C1,
                C2,
                p,
                q,
                epsilon=options.epsilon,
                symmetric=True,
                alpha=options.alpha,
                G0=previous,
                max_iter=1,
                solver=POT_SOLVERS[options.scheme],
                numItermax=options.sinkhorn_iter,
                stopThr=SINKHORN_TOL,
                warn=False,  # on reaching numItermax, which is the caller's wish
            )
        change = np.abs(plan - previous).sum()
        error = np.abs(plan.sum(1) - p).sum() + np.abs(plan.sum(0) - q).sum()
        if change <= options.tol and error <= options.tol:
            return plan, step, True
    return plan, options.max_iter, False


def _array(x: torch.Tensor) -> np.ndarray:
    return x.double().cpu().numpy()
