"""The solvers that are compared: each peer as its documentation says, and our backends."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks.problems import Batch
from espnet_gmot.ot import SolverOptions, fused_gromov_wasserstein

# Rows that others are compared with.
POT_CONDITIONAL_GRADIENT = "POT conditional gradient, one by one"
POT_BATCH = "POT batch"
POT_UNBALANCED = "POT batch, unbalanced"

# What our backends run on.
BACKEND_DEVICES = {"torch": ("cpu", "cuda"), "numba": ("cpu",), "triton": ("cuda",)}

# OTT-JAX has the entropic scheme alone: at 0.005 its costs lie 0.3 % or more above conditional gradient's.
OTT_EPSILON = 0.003


class Calls(NamedTuple):
    """What is timed.

    Attributes:
        solve: Returns the coupling of each problem, (T, N) or without its padding (t, n).
        train: Solves and carries the gradient of the summed values back to D, A and B; None: not measured.
    """

    solve: Callable[[], Iterable[Any]]
    train: Callable[[], None] | None = None


@dataclass(frozen=True)
class Contender:
    """A solver with its settings.

    Attributes:
        name: As in the tables.
        setting: Its regularisation and iterations, as in the tables.
        prepare: Converts a batch to what the solver takes and compiles what it compiles: not timed. None: no
            version of the package that could be tried has the function.
        ours: Whether it is a backend of this project.
        device: Where it runs, ``"cpu"`` or ``"cuda"``.
        needs: The package that it is from, or ``module:function`` where not every version has it; None: no
            other than torch.
    """

    name: str
    setting: str
    prepare: Callable[[Batch], Calls] | None
    ours: bool = False
    device: str = "cpu"
    needs: str | None = None

    @property
    def hindrance(self) -> str | None:
        """Why it cannot run here, or None."""
        if self.needs is not None:
            module, _, function = self.needs.partition(":")
            if find_spec(module.split(".")[0]) is None:
                return "not installed"
            if function and not _has(module, function):
                return f"not in POT {version('POT')}"
            if self.prepare is None:
                return "not run: no call for it yet"
        if self.device == "cuda" and not torch.cuda.is_available():
            return "not run: no CUDA GPU"
        return None


def _has(module: str, function: str) -> bool:
    return find_spec(module) is not None and hasattr(import_module(module), function)


def describe(options: SolverOptions) -> str:
    """Say the step size and the iterations in the tables' words.

    Example:
        >>> describe(SolverOptions(epsilon=0.02, max_iter=5))
        'ε 0.02, 5 × 20'
    """
    return f"ε {options.epsilon:g}, {options.max_iter} × {options.sinkhorn_iter}"


def own_setting(options: SolverOptions) -> str:
    """Say the same of our backends, which may be over-relaxed."""
    return describe(options) + (f", ω {options.overrelaxation:g}" if options.overrelaxation > 1 else "")


def own_backends(options: SolverOptions) -> list[Contender]:
    """Each backend on each device that it runs on; what ``pot`` loops has a row of its own."""
    return [
        Contender(
            name,
            own_setting(options),
            lambda batch, name=name, device=device: _prepare_ours(batch.to(device), options, name),
            ours=True,
            device=device,
            needs=None if name == "torch" else name,
        )
        for name, devices in BACKEND_DEVICES.items()
        for device in devices
    ]


def _prepare_ours(batch: Batch, options: SolverOptions, backend: str) -> Calls:
    settings = {**asdict(options), "backend": backend}

    def solve() -> Tensor:
        return fused_gromov_wasserstein(*batch, **settings).plan

    def train() -> None:
        fused_gromov_wasserstein(*_leaves(batch[:3]), *batch[3:], **settings).value.sum().backward()

    solve()  # compiles the kernel
    return Calls(solve, train)


def pot_conditional_gradient(options: SolverOptions) -> Contender:
    """POT's conditional gradient with its defaults, one problem after the other; only alpha is ours.

    Source: Vayer et al., "Optimal transport for structured data with application on graphs", ICML 2019.
    """

    def prepare(batch: Batch) -> Calls:
        from ot.gromov import fused_gromov_wasserstein, fused_gromov_wasserstein2

        settings = {"alpha": options.alpha, "symmetric": True}
        singles = batch.singles()
        arrays = [[cost.numpy() for cost in costs] for costs in singles]
        return Calls(
            lambda: [fused_gromov_wasserstein(*costs, **settings) for costs in arrays],
            lambda: sum(
                fused_gromov_wasserstein2(*_leaves(costs), **settings) for costs in singles
            ).backward(),
        )

    return Contender(POT_CONDITIONAL_GRADIENT, "its defaults", prepare, needs="ot")


def pot_proximal(options: SolverOptions) -> Contender:
    """POT's proximal point algorithm, one problem after the other, with our numbers of iterations.

    Source: Xu et al., "Gromov-Wasserstein learning for graph matching and node embedding", ICML 2019.
    """

    def prepare(batch: Batch) -> Calls:
        from ot.gromov import entropic_fused_gromov_wasserstein

        settings = {
            "alpha": options.alpha,
            "symmetric": True,
            "epsilon": options.epsilon,
            "solver": "PPA",
            "max_iter": options.max_iter,
            "tol": 0,
            "numItermax": options.sinkhorn_iter,
            "stopThr": 0,
            "warn": False,
        }
        arrays = [[cost.numpy() for cost in costs] for costs in batch.singles()]
        return Calls(lambda: [entropic_fused_gromov_wasserstein(*costs, **settings) for costs in arrays])

    return Contender("POT PPA, one by one", describe(options), prepare, needs="ot")


def pot_bapg(options: SolverOptions) -> Contender:
    """POT's Bregman alternated projected gradient with its defaults, one problem after the other.

    Its coupling meets one marginal at a time, here that of the tokens: its cost is that of another, relaxed
    problem.

    Source: Li et al., "A convergent single-loop algorithm for relaxation of Gromov-Wasserstein in graph
    data", ICLR 2023.
    """

    def prepare(batch: Batch) -> Calls:
        from ot.gromov import BAPG_fused_gromov_wasserstein

        arrays = [[cost.numpy() for cost in costs] for costs in batch.singles()]
        return Calls(
            lambda: [
                BAPG_fused_gromov_wasserstein(*costs, alpha=options.alpha, symmetric=True) for costs in arrays
            ]
        )

    return Contender(
        "POT BAPG, one by one", "its defaults", prepare, needs="ot.gromov:BAPG_fused_gromov_wasserstein"
    )


def pot_batch_unbalanced() -> Contender:
    """POT's batched fused unbalanced cost, which its development branch has and POT 0.9.7.post1 has not.

    It is the cost of given couplings, for the user to minimise: a solver made of it is still to be written.
    """
    return Contender(POT_UNBALANCED, "–", None, needs="ot.batch:loss_fugw_batch")


def pot_batch(options: SolverOptions, device: str) -> Contender:
    """POT's batch solver on torch tensors, with our numbers of iterations; it takes full problems only.

    Source: Flamary et al., "POT: Python Optimal Transport", JMLR 22(78), 2021.
    """

    def prepare(batch: Batch) -> Calls:
        from ot.batch import solve_gromov_batch

        batch = batch.to(device)
        settings = {
            "alpha": options.alpha,
            "symmetric": True,
            "reg": options.epsilon,
            "max_iter": options.max_iter,
            "tol": 0,
            "max_iter_inner": options.sinkhorn_iter,
            "tol_inner": 0,
        }

        def run(D: Tensor, A: Tensor, B: Tensor, grad: str) -> Any:
            return solve_gromov_batch(A, B, M=D, grad=grad, **settings)

        return Calls(
            lambda: run(*batch[:3], "detach").plan,
            lambda: run(*_leaves(batch[:3]), "envelope").value.sum().backward(),
        )

    return Contender(
        POT_BATCH, describe(options), prepare, device=device, needs="ot.batch:solve_gromov_batch"
    )


def ott_jax(options: SolverOptions) -> Contender:
    """OTT-JAX's entropic solver, compiled, over the padded batch; padding has zero weight.

    OTT linearises ``GW + fused_penalty W`` as ``L⊗γ + fused_penalty D``, which is half of its gradient with
    the penalty counted twice. Our gradient is ``2 alpha L⊗γ + (1 - alpha) D``, so that
    ``fused_penalty = (1 - alpha) / (2 alpha)`` and its epsilon is ours over ``2 alpha``.

    Source: Cuturi et al., "Optimal Transport Tools (OTT): a JAX toolbox for all things Wasserstein", 2022.
    """

    def prepare(batch: Batch) -> Calls:
        import jax
        import numpy as np
        from ott.geometry.geometry import Geometry
        from ott.problems.quadratic.quadratic_problem import QuadraticProblem
        from ott.solvers.linear.sinkhorn import Sinkhorn
        from ott.solvers.quadratic.gromov_wasserstein import GromovWasserstein

        solver = GromovWasserstein(Sinkhorn(), epsilon=OTT_EPSILON / (2 * options.alpha), warm_start=True)
        penalty = (1 - options.alpha) / (2 * options.alpha)

        def couple(D: jax.Array, A: jax.Array, B: jax.Array, p: jax.Array, q: jax.Array) -> jax.Array:
            problem = QuadraticProblem(Geometry(A), Geometry(B), Geometry(D), fused_penalty=penalty, a=p, b=q)
            return solver(problem).matrix

        arrays = [jax.numpy.asarray(part.numpy()) for part in (*batch[:3], *batch.marginals())]
        compiled = jax.jit(jax.vmap(couple)).lower(*arrays).compile()
        return Calls(lambda: np.array(compiled(*arrays)))

    return Contender("OTT-JAX", f"ε {OTT_EPSILON:g}, its defaults, warm start", prepare, needs="ott")


def torchgw(options: SolverOptions) -> Contender:
    """torchgw's sampled solver, one problem after the other, with its defaults and no slack mass.

    It linearises as OTT-JAX does: ``(1 - fgw_alpha) L⊗γ + fgw_alpha D``, so that
    ``fgw_alpha = (1 - alpha) / (1 + alpha)``. It takes given costs, but estimates ``L⊗γ`` from sampled pairs
    and divides both edge costs by their largest sampled entry: its problem is not quite ours.
    """

    def prepare(batch: Batch) -> Calls:
        from torchgw import sampled_gw

        fgw_alpha = (1 - options.alpha) / (1 + options.alpha)

        def couple(D: Tensor, A: Tensor, B: Tensor) -> Tensor:
            return sampled_gw(
                distance_mode="precomputed",
                dist_source=A,
                dist_target=B,
                fgw_alpha=fgw_alpha,
                C_linear=D,
                s_shared=max(D.shape),
                device=torch.device("cpu"),
            )

        singles = batch.singles()
        return Calls(lambda: [couple(*costs) for costs in singles])

    return Contender("torchgw, one by one", "all frames in the sample", prepare, needs="torchgw")


def _leaves(costs: Iterable[Tensor]) -> list[Tensor]:
    """The same costs as leaves without gradients yet; nothing is copied."""
    return [cost.detach().requires_grad_() for cost in costs]
