"""The options of the solver, checked for sense in one place."""

import math
from dataclasses import dataclass
from typing import Literal

from espnet_gmot.errors import InputError

Scheme = Literal["proximal", "entropic"]
SCHEMES: tuple[Scheme, ...] = ("proximal", "entropic")


@dataclass(frozen=True)
class SolverOptions:
    """How a coupling is searched for.

    Args:
        alpha: Weight of the edge cost in [0, 1]; the node cost has ``1 - alpha`` (POT's ``alpha``).
        epsilon: Strength of the entropy or of the proximal term, > 0, in units of the cost.
        scheme: ``"proximal"`` (sharp couplings) or ``"entropic"`` (smooth couplings).
        max_iter: Mirror-descent steps at most.
        sinkhorn_iter: Sinkhorn iterations (frames, then tokens) within each step.
        tol: A problem is finished once a step leaves its marginal error and moves its coupling by no
            more than this, both in L1. 0 stops at an exact fixed point only.
        rho_a: Strength (> 0) of the KL term that relaxes the frame marginal; None keeps it hard.
        overrelaxation: Length of a Sinkhorn step in [1, 2); 1 is plain Sinkhorn. Near 1.8, problems of small
            epsilon need a fraction of the iterations. For hard marginals only.

    Raises:
        InputError: A value is out of range; the message names the option.

    Example:
        >>> SolverOptions(alpha=1.5)
        Traceback (most recent call last):
        ...
        espnet_gmot.errors.InputError: alpha must lie in [0, 1], got 1.5
    """

    alpha: float = 0.5
    epsilon: float = 0.05
    scheme: Scheme = "proximal"
    max_iter: int = 10
    sinkhorn_iter: int = 20
    tol: float = 1e-6
    rho_a: float | None = None
    overrelaxation: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise InputError(f"alpha must lie in [0, 1], got {self.alpha}")
        if not 0 < self.epsilon < math.inf:
            raise InputError(f"epsilon must be positive and finite, got {self.epsilon}")
        if self.scheme not in SCHEMES:
            raise InputError(f"unknown scheme {self.scheme!r}; choose one of {', '.join(SCHEMES)}")
        for name in ("max_iter", "sinkhorn_iter"):
            count = getattr(self, name)
            if not isinstance(count, int) or count < 1:
                raise InputError(f"{name} must be an integer of at least 1, got {count}")
        if not 0 <= self.tol < math.inf:
            raise InputError(f"tol must be at least 0 and finite, got {self.tol}")
        if self.rho_a is not None and not 0 < self.rho_a < math.inf:
            raise InputError(
                f"rho_a must be positive and finite, or None for hard marginals, got {self.rho_a}"
            )
        if not 1 <= self.overrelaxation < 2:
            raise InputError(f"overrelaxation must lie in [1, 2), got {self.overrelaxation}")
        if self.overrelaxation > 1 and self.rho_a is not None:
            raise InputError(
                "overrelaxation must be 1 where rho_a relaxes the frames: it can oscillate there"
            )

    @property
    def frame_exponent(self) -> float:
        """The power ``rho / (rho + epsilon)`` of the frame scaling; 1 for hard marginals.

        Source: Chizat et al., "Scaling algorithms for unbalanced optimal transport problems", 2018.
        """
        return 1.0 if self.rho_a is None else self.rho_a / (self.rho_a + self.epsilon)
