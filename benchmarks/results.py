"""What was measured, and the figures that tables and claims are made of."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from benchmarks.peers import POT_BATCH, POT_CONDITIONAL_GRADIENT, Contender
from benchmarks.problems import Shape

# The quality at which a speed counts.
MOST_ERROR = 1e-3  # L1 marginal error, mean over the batch
MOST_EXCESS = 0.1  # % by which the mean cost may lie above conditional gradient's


@dataclass(frozen=True)
class Row:
    """One contender on one batch; what was not measured is None.

    Attributes:
        contender: Who.
        hindrance: Why it was not run, or None.
        seconds: Median time of a forward pass over the batch.
        train_seconds: Median time of a forward and backward pass.
        objective: Fused Gromov-Wasserstein cost of its couplings (batch,), float64.
        error: L1 error of both marginals (batch,), float64.
    """

    contender: Contender
    hindrance: str | None = None
    seconds: float | None = None
    train_seconds: float | None = None
    objective: Tensor | None = None
    error: Tensor | None = None

    @property
    def was_run(self) -> bool:
        return self.hindrance is None


class Excess(NamedTuple):
    """Cost above another solver's, in %: of the batch's mean, and of the worst problem."""

    mean: float
    worst: float


class Table(NamedTuple):
    """The rows measured on one batch, of one of ``problems.KINDS``."""

    shape: Shape
    rows: list[Row]
    kind: str = "late"

    def conditional_gradient(self) -> Row | None:
        """Return POT's row that times and costs are compared with; None where it was not run."""
        return self._find(lambda contender: contender.name == POT_CONDITIONAL_GRADIENT)

    def batch_peer(self, row: Row) -> Row | None:
        """Return POT's batch solver on the row's device, with its iterations; None where it was not run."""
        who = row.contender
        setting = who.setting.split(", ω")[0]  # over-relaxation aside
        return self._find(
            lambda other: (other.name, other.device, other.setting) == (POT_BATCH, who.device, setting)
        )

    def _find(self, fits) -> Row | None:
        return next((row for row in self.rows if row.was_run and fits(row.contender)), None)


def speedup(row: Row, reference: Row | None) -> float | None:
    """How many times faster a row is than the reference; None where either was not run."""
    if reference is None or not row.was_run:
        return None
    return reference.seconds / row.seconds


def excess(row: Row, reference: Row | None) -> Excess | None:
    """How far a row's cost lies above the reference's; None where either was not run."""
    if reference is None or not row.was_run:
        return None
    mean = row.objective.mean() / reference.objective.mean()
    worst = (row.objective / reference.objective).max()
    return Excess(100 * (float(mean) - 1), 100 * (float(worst) - 1))


def is_good(row: Row, reference: Row | None) -> bool:
    """Whether a row reaches the quality at which its speed counts."""
    above = excess(row, reference)
    return above is not None and above.mean <= MOST_EXCESS and float(row.error.mean()) <= MOST_ERROR
