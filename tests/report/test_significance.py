"""The bootstrap interval where its answer is known."""

import numpy as np
import pytest

from espnet_gmot.report.significance import paired_bootstrap_interval


def test_it_agrees_with_the_normal_interval_of_a_mean():
    # With equal lengths Δ is a mean over utterances: its interval is mean ± 1.96 s / √n.
    n, units = 2000, np.full(2000, 10)
    difference = np.random.default_rng(1).integers(-3, 3, size=n)
    low, high = paired_bootstrap_interval(np.full(n, 4), 4 + difference, units)
    centre, half = 10 * difference.mean(), 10 * 1.96 * difference.std() / np.sqrt(n)
    assert low == pytest.approx(centre - half, abs=0.08 * half)
    assert high == pytest.approx(centre + half, abs=0.08 * half)


def test_pairing_removes_what_both_systems_share():
    hard = np.random.default_rng(0).integers(0, 50, size=500)
    assert paired_bootstrap_interval(hard, hard + 1, np.full(500, 50)) == pytest.approx((2.0, 2.0))


def test_swapping_the_systems_mirrors_the_interval():
    errors = np.random.default_rng(2).integers(0, 9, size=(2, 300))
    units = np.random.default_rng(3).integers(5, 15, size=300)
    low, high = paired_bootstrap_interval(*errors, units)
    assert paired_bootstrap_interval(*errors[::-1], units) == pytest.approx((-high, -low))
    assert low < high


def test_a_lower_level_lies_inside():
    errors = np.random.default_rng(2).integers(0, 9, size=(2, 300))
    wide = paired_bootstrap_interval(*errors, np.full(300, 10))
    narrow = paired_bootstrap_interval(*errors, np.full(300, 10), level=0.5)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
