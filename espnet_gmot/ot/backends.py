"""The solvers by name."""

from collections.abc import Callable

from espnet_gmot.errors import InputError
from espnet_gmot.ot.mirror_descent import Solution, mirror_descent
from espnet_gmot.ot.options import SolverOptions
from espnet_gmot.ot.problem import TransportProblem

Backend = Callable[[TransportProblem, SolverOptions], Solution]

BACKENDS: dict[str, Backend] = {"torch": mirror_descent}


def choose_backend(name: str, problem: TransportProblem) -> Backend:
    """Return the solver called ``name``; ``"auto"`` takes the fastest one, at present always ``"torch"``.

    Raises:
        InputError: There is no such backend; the message lists the choices.
    """
    if name == "auto":
        return BACKENDS["torch"]
    if name not in BACKENDS:
        raise InputError(f"unknown backend {name!r}; choose one of auto, {', '.join(BACKENDS)}")
    return BACKENDS[name]
