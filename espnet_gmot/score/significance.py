"""Whether two systems differ by more than the choice of the test utterances explains."""

import numpy as np


def bootstrap_interval(
    errors: np.ndarray, units: np.ndarray, resamples: int = 2000, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Interval of an error rate, or of a difference of two, over resampled utterances and trainings.

    Each resample draws as many utterances as there are, with replacement, and as many of the k trainings,
    and takes their rate (a draw of utterances without any unit is drawn again)

        100 · Σ errors / (k · Σ units)

    The interval holds the middle ``level`` of the rates. One training is drawn always: the interval is then
    over the utterances alone. That of three trainings is a hint at their spread rather than a guarantee, and
    too narrow: what is drawn from k of them scatters less than all trainings would, by √(1 − 1/k).

    Args:
        errors: errors of each utterance, or what two systems differ in (paired: both are scored on the same
            draws), of one training (utterances,) or of several (trainings, utterances).
        units: reference characters or words (utterances,).
        resamples: number of draws.
        level: share of the draws inside the interval.
        seed: of the draws.

    Returns:
        The lower and upper end, in percent.

    Source:
        Bisani and Ney, "Bootstrap estimates for confidence intervals in ASR performance
        evaluation", ICASSP 2004.

    Example:
        >>> bootstrap_interval(np.array([1, 2]), np.array([10, 20]))
        (10.0, 10.0)
        >>> bootstrap_interval(np.array([[1, 2], [1, 2]]), np.array([10, 20]))
        (10.0, 10.0)
    """
    errors = np.atleast_2d(errors)
    draw = np.random.default_rng(seed)
    rates = np.empty(resamples)
    for i in range(resamples):
        trainings = draw.integers(len(errors), size=len(errors))
        chosen = draw.integers(len(units), size=len(units))
        while not units[chosen].any():  # utterances without a unit alone have no rate
            chosen = draw.integers(len(units), size=len(units))
        rates[i] = 100 * errors[trainings][:, chosen].sum() / len(errors) / units[chosen].sum()
    low, high = np.quantile(rates, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_permutation_test(errors_a: np.ndarray, errors_b: np.ndarray) -> float:
    """Two-sided p-value of the difference between two systems, by the exact paired permutation test.

    If both systems were equally good, swapping their results on any utterance would change nothing:
    with d_i = errors_b − errors_a of utterance i, every sign s_i = ±1 is equally likely, and

        p = P(|Σ s_i d_i| ≥ |Σ d_i|)

    over all 2^n choices of signs. The d_i are whole numbers, so the distribution of
    Σ s_i d_i = 2 K − Σ |d_i|, where K sums the |d_i| of a random half, is found exactly, one
    utterance after the other. No utterance's errors need follow any law; that the utterances are
    independent is assumed.

    Args:
        errors_a: errors of the first system (utterances,).
        errors_b: errors of the second system on the same utterances (utterances,).

    Source:
        Pagano and Tritchler, "On obtaining permutation distributions in polynomial time", Journal of
        the American Statistical Association 78, 1983.

    Example:
        >>> paired_permutation_test(np.array([3, 2, 4, 1]), np.array([1, 1, 2, 0]))  # 2 of 16 choices
        0.125
    """
    difference = errors_b - errors_a
    sizes = np.sort(np.abs(difference[difference != 0]))  # ascending, which keeps the early steps short
    total = int(sizes.sum())
    probability = np.zeros(total + 1)  # of K = 0 … Σ |d_i|
    probability[0] = 1.0
    largest = 0
    for size in sizes.tolist():
        kept = probability[: largest + 1] / 2
        largest += size
        probability[: largest + 1] /= 2
        probability[size : largest + 1] += kept
    extreme = np.abs(2 * np.arange(total + 1) - total) >= abs(int(difference.sum()))
    return min(1.0, float(probability[extreme].sum()))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Correct the p-values of several systems compared with one baseline, after Holm.

    With the m p-values in ascending order, p'_k = max_{j ≤ k} min(1, (m − j + 1) p_j): to call those
    with p' below 0.05 significant is wrong about any of them with a probability of at most 5 %.

    Args:
        p_values: one a system (m,).

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6, 1979.

    Example:
        >>> holm(np.array([0.04, 0.01, 0.03])).round(4).tolist()
        [0.06, 0.03, 0.06]
    """
    order = np.argsort(p_values)
    steps = np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(steps * p_values[order]), 1.0)
    return corrected
