"""Intervals and tests where their answer is known."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom, bootstrap, permutation_test

from espnet_gmot.score.significance import bootstrap_interval, holm, paired_permutation_test


def test_it_agrees_with_the_normal_interval_of_a_mean():
    # With equal lengths Δ is a mean over utterances: its interval is mean ± 1.96 s / √n.
    n, units = 2000, np.full(2000, 10)
    difference = np.random.default_rng(1).integers(-3, 3, size=n)
    low, high = bootstrap_interval(difference, units)
    centre, half = 10 * difference.mean(), 10 * 1.96 * difference.std() / np.sqrt(n)
    assert low == pytest.approx(centre - half, abs=0.08 * half)
    assert high == pytest.approx(centre + half, abs=0.08 * half)


def test_it_is_the_interval_of_a_binomial_where_utterances_are_all_wrong_or_all_right():
    # Of 10 equal utterances half are wrong: a resample has B(10, ½) wrong ones.
    low, high = bootstrap_interval(np.repeat([0, 7], 5), np.full(10, 7))
    assert (low, high) == pytest.approx(tuple(10 * binom.ppf([0.025, 0.975], 10, 0.5)))
    assert (low, high) == pytest.approx((20.0, 80.0))


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_of_one_training_it_is_scipy_s_percentile_bootstrap_draw_by_draw(level):
    errors = np.random.default_rng(2).integers(0, 9, size=300)
    units = np.random.default_rng(3).integers(5, 15, size=300)
    theirs = bootstrap(
        (errors, units),
        lambda errors, units, axis: 100 * errors.sum(axis) / units.sum(axis),
        paired=True,
        method="percentile",
        n_resamples=2000,
        confidence_level=level,
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert bootstrap_interval(errors, units, level=level) == pytest.approx(tuple(theirs), rel=1e-12)
    assert bootstrap_interval(errors[None], units, level=level) == pytest.approx(tuple(theirs), rel=1e-12)
    assert theirs.low < 100 * errors.sum() / units.sum() < theirs.high


def test_of_several_trainings_both_are_drawn():
    # All utterances alike: a resample's rate is the mean of k draws from the trainings' rates, 0 or 100 %.
    errors = np.repeat([[0], [5]], 5, axis=0) * np.ones(3, int)  # 5 trainings right, 5 wrong
    assert bootstrap_interval(errors, np.full(3, 5)) == pytest.approx((20.0, 80.0))


def test_pairing_removes_what_both_systems_share():
    hard = np.random.default_rng(0).integers(0, 50, size=500)
    assert bootstrap_interval(hard + 1 - hard, np.full(500, 50)) == pytest.approx((2.0, 2.0))


def test_swapping_the_systems_mirrors_the_interval_and_keeps_p():
    errors = np.random.default_rng(2).integers(0, 9, size=(2, 300))
    units = np.random.default_rng(3).integers(5, 15, size=300)
    low, high = bootstrap_interval(errors[1] - errors[0], units)
    assert bootstrap_interval(errors[0] - errors[1], units) == pytest.approx((-high, -low))
    assert low < high
    assert paired_permutation_test(*errors) == paired_permutation_test(*errors[::-1])


def test_a_lower_level_lies_inside():
    errors = np.random.default_rng(2).integers(0, 9, size=(2, 300))
    wide = bootstrap_interval(errors[1] - errors[0], np.full(300, 10))
    narrow = bootstrap_interval(errors[1] - errors[0], np.full(300, 10), level=0.5)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


@pytest.mark.parametrize("seed", range(5))
def test_p_is_the_share_of_all_sign_choices(seed):
    errors_a, errors_b = np.random.default_rng(seed).integers(0, 5, size=(2, 10))
    difference = errors_b - errors_a
    sums = np.array(list(product((-1, 1), repeat=10))) @ difference
    expected = (np.abs(sums) >= abs(difference.sum())).mean()
    assert paired_permutation_test(errors_a, errors_b) == pytest.approx(expected, rel=1e-12)


def test_p_agrees_with_scipy_s_random_permutations():
    errors_a = np.random.default_rng(4).poisson(1.0, size=400)
    errors_b = np.random.default_rng(5).poisson(0.9, size=400)
    theirs = permutation_test(
        (errors_b - errors_a,), np.sum, permutation_type="samples", n_resamples=5000, axis=-1, rng=0
    ).pvalue
    # The standard error of a share p of 5,000 draws is √(p (1 − p) / 5000); scipy doubles the smaller tail.
    assert paired_permutation_test(errors_a, errors_b) == pytest.approx(
        theirs, abs=4 * 2 * np.sqrt(theirs / 2 / 5000)
    )


def test_equal_systems_have_p_1_and_a_large_difference_a_tiny_one():
    errors = np.random.default_rng(6).integers(0, 9, size=500)
    assert paired_permutation_test(errors, errors) == 1.0
    assert paired_permutation_test(errors, errors + 1) == pytest.approx(2.0**-499, rel=1e-9)


def test_holm_keeps_the_order_and_never_falls_below_p():
    p = np.random.default_rng(7).uniform(0, 0.5, size=12)
    corrected = holm(p)
    assert (np.diff(corrected[np.argsort(p)]) >= 0).all()
    assert corrected.min() == pytest.approx(12 * p.min())
    assert (corrected >= p).all()
    assert (corrected <= 1).all()
    assert holm(np.array([])).size == 0


def test_utterances_without_units_leave_a_rate_to_every_draw():
    # Of two utterances, one without units: the draws with a rate hold the other once or twice.
    low, high = bootstrap_interval(np.array([1, 1]), np.array([0, 10]))
    assert (low, high) == (10.0, 20.0)
