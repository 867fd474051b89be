"""Whether two systems differ by more than the choice of the test utterances explains."""

import numpy as np


def paired_bootstrap_interval(
    errors_a: np.ndarray,
    errors_b: np.ndarray,
    units: np.ndarray,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval of the error rate of system b minus that of system a, over resampled utterances.

    Each resample draws as many utterances as there are, with replacement, and both systems are
    scored on the same draw: Δ = 100 · Σ(errors_b − errors_a) / Σ units. The interval holds the
    middle ``level`` of the Δ.

    Args:
        errors_a: errors of the first system (utterances,).
        errors_b: errors of the second system on the same utterances (utterances,).
        units: reference characters or words (utterances,).
        resamples: number of draws.
        level: share of the draws inside the interval.
        seed: of the draws.

    Returns:
        The lower and upper end, in percent points; below zero means that b has fewer errors.

    Source:
        Bisani and Ney, "Bootstrap estimates for confidence intervals in ASR performance
        evaluation", ICASSP 2004.

    Example:
        >>> paired_bootstrap_interval(np.array([2, 4]), np.array([1, 2]), np.array([10, 20]))
        (-10.0, -10.0)
    """
    draw = np.random.default_rng(seed)
    difference = np.asarray(errors_b) - np.asarray(errors_a)
    units = np.asarray(units)
    rates = np.empty(resamples)
    for i in range(resamples):
        chosen = draw.integers(len(units), size=len(units))
        rates[i] = 100 * difference[chosen].sum() / units[chosen].sum()
    low, high = np.quantile(rates, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
