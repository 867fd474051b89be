"""The solvers by name, and which one a batch gets."""

import functools
import logging
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from espnet_gmot.errors import InputError
from espnet_gmot.ot.mirror_descent import Solution, mirror_descent
from espnet_gmot.ot.options import SolverOptions
from espnet_gmot.ot.problem import TransportProblem

Backend = Callable[[TransportProblem, SolverOptions], Solution]

# Where each solver is; a module is imported when it is first asked for, because its package may be missing.
BACKENDS: dict[str, str] = {
    "torch": "mirror_descent.mirror_descent",  # the reference: any device
    "numba": "numba_kernel.solve_in_parallel",  # CPU: a problem at a time in cache, problems in parallel
    "triton": "triton_kernel.solve_on_gpu",  # GPU: a problem a block, no synchronisation
    "pot": "pot_loop.solve_one_by_one",  # the oracle: POT's solvers of single problems
}


def choose_backend(name: str, problem: TransportProblem) -> Backend:
    """Return the solver called ``name``; ``"auto"`` takes ``"triton"`` on a GPU and ``"numba"`` on the CPU.

    A solver whose package is missing, or that cannot take the problem, is replaced by ``"torch"``; the log
    says so once.

    Raises:
        InputError: There is no such backend; the message lists the choices.
    """
    if name == "auto":
        name = {"cpu": "numba", "cuda": "triton"}.get(problem.node.device.type, "torch")
    if name not in BACKENDS:
        raise InputError(f"unknown backend {name!r}; choose one of auto, {', '.join(BACKENDS)}")
    hindrance = _hindrance(name, problem)
    if hindrance:
        _log_once(f"backend {name} {hindrance}; using torch")
        return mirror_descent
    module, function = BACKENDS[name].split(".")
    return getattr(load(module), function)


def _hindrance(name: str, problem: TransportProblem) -> str | None:
    """Say why a backend cannot solve a problem here, or return None."""
    module = load(BACKENDS[name].split(".")[0])
    if isinstance(module, Exception):
        return f"is not available ({module})"
    if name == "numba" and problem.node.device.type != "cpu":
        return f"runs on the CPU and the problem is on {problem.node.device}"
    if name == "triton":
        return module.hindrance(problem)
    return None


@functools.cache
def load(module: str) -> ModuleType | Exception:
    """Import a module of ``ot`` whose own imports may be missing; return the error if they are."""
    try:
        return import_module(f"espnet_gmot.ot.{module}")
    except (ImportError, RuntimeError) as error:  # numba's, where it finds no directory for its cache
        return error


@functools.cache
def _log_once(message: str) -> None:
    logging.warning(message)
