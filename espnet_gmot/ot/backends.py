"""The solvers by name, and which one a batch gets."""

import functools
import logging
import sys
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

FASTEST = {"cpu": "numba", "cuda": "triton"}  # by device; torch on any other

# What pip installs for a backend.
PACKAGES = {"numba": "numba scipy", "triton": "triton", "pot": "POT"}


def choose_backend(name: str, problem: TransportProblem) -> Backend:
    """Return the solver called ``name``; ``"auto"`` takes ``"triton"`` on a GPU and ``"numba"`` on the CPU.

    A solver that cannot take the problem is replaced by ``"torch"``, which finds the same couplings, only
    slower; so is one that ``"auto"`` would take and whose package is missing. The log says so once.

    Raises:
        InputError: There is no such backend, and the message lists the choices; or its package is missing,
            and the message says how to install it.
    """
    chosen = FASTEST.get(problem.node.device.type, "torch") if name == "auto" else name
    if chosen not in BACKENDS:
        raise InputError(f"unknown backend {name!r}; choose one of auto, {', '.join(BACKENDS)}")
    hindrance = _hindrance(chosen, problem, required=name != "auto")
    if hindrance:
        _log_once(f"backend {chosen} {hindrance}; using torch")
        return mirror_descent
    module, function = BACKENDS[chosen].split(".")
    return getattr(load(module), function)


def _hindrance(name: str, problem: TransportProblem, required: bool) -> str | None:
    """Say why a backend cannot solve a problem here, or return None.

    Raises:
        InputError: The backend is required, could take problems on this device, and cannot be imported.
    """
    device = problem.node.device
    if name == "numba" and device.type != "cpu":
        return f"runs on the CPU and the problem is on {device}"
    module = load(BACKENDS[name].split(".")[0])
    if isinstance(module, Exception):
        if name == "triton" and device.type != "cuda":
            return f"runs on a GPU and the problem is on {device}"
        if required:
            raise InputError(f"backend {name} is not available ({module}); {_cure(name, module)}")
        return f"is not available ({module})"
    if name == "triton":
        return module.hindrance(problem)
    return None


def _cure(name: str, error: Exception) -> str:
    """Say what helps where a backend cannot be imported."""
    if isinstance(error, ImportError):  # missing, or too old for another package
        return f"run: {sys.executable} -m pip install --upgrade {PACKAGES[name]}; or choose backend auto"
    return "set NUMBA_CACHE_DIR to a folder that can be written, or choose backend auto"


@functools.cache
def load(module: str) -> ModuleType | Exception:
    """Import a module of ``ot`` whose own imports may be missing; return the error if they are."""
    try:
        return import_module(f"espnet_gmot.ot.{module}")
    except (ImportError, RuntimeError) as error:  # the latter is numba's, without a folder for its cache
        return error


@functools.cache
def _log_once(message: str) -> None:
    logging.getLogger(__name__).warning(message)
