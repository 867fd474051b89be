"""How two systems differ that were trained once, or several times with different seeds."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from espnet_gmot.errors import InputError
from espnet_gmot.score.significance import bootstrap_interval, paired_permutation_test

MANY_SPEAKERS = 20  # from so many on they stand for others


@dataclass(frozen=True)
class SystemErrors:
    """Errors of one system on one set.

    Args:
        errors: seed of the training → errors of each utterance (utterances,), all in the same order.
        units: characters of each utterance's reference (utterances,).
        speakers: who says each utterance (utterances,); None where that is not known.
    """

    errors: dict[int, np.ndarray]
    units: np.ndarray
    speakers: np.ndarray | None = None

    @property
    def rates(self) -> dict[int, float]:
        """Seed → error rate, in percent."""
        return {seed: 100 * errors.sum() / self.units.sum() for seed, errors in self.errors.items()}

    @property
    def mean(self) -> float:
        """Mean of the seeds' error rates, in percent."""
        return float(np.mean(list(self.rates.values())))

    @property
    def interval(self) -> tuple[float, float]:
        """95 % bootstrap interval of the mean error rate over utterances and seeds, in percent."""
        return bootstrap_interval(np.stack(list(self.errors.values())), self.units)

    def by_speaker(self) -> "SystemErrors | None":
        """The same with all utterances of a speaker as one.

        None with fewer than ``MANY_SPEAKERS``, and where each utterance is said to have its own.
        """
        if self.speakers is None:
            return None
        names, of_utterance = np.unique(self.speakers, return_inverse=True)
        if not MANY_SPEAKERS <= len(names) < len(self.speakers):
            return None

        def summed(counts: np.ndarray) -> np.ndarray:
            sums = np.zeros(len(names), dtype=counts.dtype)
            np.add.at(sums, of_utterance, counts)
            return sums

        return SystemErrors({seed: summed(each) for seed, each in self.errors.items()}, summed(self.units))


class SpeakerMargin(NamedTuple):
    """The same difference, with the choice of the speakers as chance in place of that of the utterances.

    Attributes:
        speakers: how many there are.
        interval: 95 % interval of the mean difference over resampled speakers and seeds, in points.
        p: of the paired permutation test on each speaker's errors.
    """

    speakers: int
    interval: tuple[float, float]
    p: float


@dataclass(frozen=True)
class Margin:
    """How a system differs from another, over the seeds that both have.

    Args:
        seeds: those seeds.
        differences: error rate minus the other's, seed by seed, in percent points.
        difference: their mean.
        other: the other's mean error rate, in percent.
        change: the mean difference as a percentage of it; None where it is 0.
        interval: 95 % interval of the mean difference over resampled utterances and seeds, in points.
        p: of the paired permutation test on errors summed over the seeds.
        by_speaker: interval and p over speakers, None where these are few or not known.
    """

    seeds: tuple[int, ...]
    differences: tuple[float, ...]
    difference: float
    other: float
    change: float | None
    interval: tuple[float, float]
    p: float
    by_speaker: SpeakerMargin | None = None

    @property
    def seeds_disagree(self) -> bool:
        """Whether some seeds differ in one direction and some in the other."""
        return min(self.differences) < 0 < max(self.differences)

    def shown(self, interval: tuple[float, float]) -> str:
        """Say the difference with an interval of it, and ↕ where the seeds disagree: a cell of a table."""
        low, high = interval
        return f"{self.difference:+.2f} [{low:+.2f}, {high:+.2f}]{' ↕' if self.seeds_disagree else ''}"


def margin_over(baseline: SystemErrors, system: SystemErrors) -> Margin | None:
    """Compare two systems over their common seeds.

    With e_u^k the errors of utterance u under seed k, the test is the exact paired permutation test of
    E_u = Σ_k e_u^k: it asks whether the difference of the mean error rates could come from the choice
    of the utterances, for these trained models. That other seeds would say the same is not covered by its p:
    the differences of the single seeds show it, and the interval, which draws seeds as well.

    Args:
        baseline: the system compared with.
        system: the other one, on the same utterances.

    Returns:
        The margin, or None without a common seed.

    Raises:
        InputError: the sets have not the same utterances.

    Example:
        >>> ctc = SystemErrors({0: np.array([2, 4]), 1: np.array([3, 3])}, np.array([10, 20]))
        >>> ours = SystemErrors({0: np.array([1, 2]), 1: np.array([1, 2])}, np.array([10, 20]))
        >>> found = margin_over(ctc, ours)
        >>> found.differences, found.change, found.p
        ((-10.0, -10.0), -50.0, 0.5)
    """
    if not np.array_equal(baseline.units, system.units):
        raise InputError(
            "the systems were scored on other utterances, or one of them with spaces as characters; "
            "score both again (stage 13), and keep the runs of one corpus apart"
        )
    seeds = tuple(sorted(baseline.errors.keys() & system.errors.keys()))
    if not seeds:
        return None
    theirs, ours = (np.stack([each.errors[seed] for seed in seeds]) for each in (baseline, system))
    change = ours - theirs  # (seeds, utterances)
    units, before = baseline.units.sum(), theirs.sum()
    speakers, others = baseline.by_speaker(), system.by_speaker()
    return Margin(
        seeds,
        tuple((100 * change.sum(1) / units).tolist()),
        float(100 * change.sum() / units / len(seeds)),
        float(100 * before / units / len(seeds)),
        float(100 * change.sum() / before) if before else None,
        bootstrap_interval(change, baseline.units),
        paired_permutation_test(theirs.sum(0), ours.sum(0)),
        _speaker_margin(speakers, others) if speakers and others else None,
    )


def _speaker_margin(baseline: SystemErrors, system: SystemErrors) -> SpeakerMargin | None:
    margin = margin_over(baseline, system)
    return SpeakerMargin(len(baseline.units), margin.interval, margin.p) if margin else None
