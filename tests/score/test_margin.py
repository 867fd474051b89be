"""Differences over several seeds: what is summed, tested and shown."""

from dataclasses import replace

import numpy as np
import pytest

from espnet_gmot.errors import InputError
from espnet_gmot.score.margin import MANY_SPEAKERS, SystemErrors, margin_over
from espnet_gmot.score.significance import bootstrap_interval, paired_permutation_test

UNITS = np.full(40, 6)


def system(seed_offsets: dict[int, int], rate: float) -> SystemErrors:
    draw = np.random.default_rng(int(100 * rate))
    base = draw.binomial(6, rate, size=40)
    return SystemErrors({seed: np.clip(base + offset, 0, 6) for seed, offset in seed_offsets.items()}, UNITS)


def test_mean_is_that_of_the_seeds_rates():
    errors = SystemErrors({0: np.array([1, 0]), 3: np.array([2, 1])}, np.array([5, 5]))
    assert errors.rates == {0: 10.0, 3: 30.0}
    assert errors.mean == 20.0


def test_p_is_that_of_the_errors_summed_over_common_seeds():
    a, b = system({0: 0, 1: 1, 5: 3}, 0.5), system({0: 0, 1: 0, 2: 0}, 0.3)
    margin = margin_over(a, b)
    assert margin.seeds == (0, 1)
    assert margin.p == paired_permutation_test(a.errors[0] + a.errors[1], b.errors[0] + b.errors[1])
    assert margin.difference == pytest.approx(np.mean(margin.differences))
    assert margin.differences[0] == pytest.approx(b.rates[0] - a.rates[0])
    expected = 100 * margin.difference / np.mean([a.rates[0], a.rates[1]])
    assert margin.change == pytest.approx(expected)


def test_a_system_equals_itself():
    margin = margin_over(system({0: 0, 1: 1}, 0.4), system({0: 0, 1: 1}, 0.4))
    assert (margin.difference, margin.change, margin.interval, margin.p) == (0.0, 0.0, (0.0, 0.0), 1.0)
    assert not margin.seeds_disagree


def test_seeds_that_disagree_are_told():
    a = SystemErrors({0: np.array([3, 3]), 1: np.array([1, 1])}, np.array([6, 6]))
    better = SystemErrors({0: np.array([1, 1]), 1: np.array([0, 1])}, np.array([6, 6]))
    mixed = SystemErrors({0: np.array([1, 1]), 1: np.array([2, 2])}, np.array([6, 6]))
    assert not margin_over(a, better).seeds_disagree
    assert margin_over(a, mixed).seeds_disagree


def test_without_a_common_seed_there_is_no_margin():
    assert margin_over(system({0: 0}, 0.4), system({1: 0}, 0.4)) is None


def test_other_utterances_are_refused():
    with pytest.raises(InputError, match="scored on other utterances"):
        margin_over(system({0: 0}, 0.4), SystemErrors({0: np.zeros(40, int)}, UNITS + 1))


def test_interval_of_one_seed_draws_utterances_alone():
    one = system({4: 0}, 0.4)
    assert one.interval == bootstrap_interval(one.errors[4], UNITS)
    margin = margin_over(system({4: 0}, 0.5), one)
    assert margin.interval == bootstrap_interval(one.errors[4] - system({4: 0}, 0.5).errors[4], UNITS)


def test_interval_widens_with_the_spread_of_the_seeds():
    base = system({0: 0}, 0.4).errors[0]
    narrow = bootstrap_interval(np.stack([base, base]), UNITS)
    wide = bootstrap_interval(np.stack([base, np.clip(base + 2, 0, 6)]), UNITS)
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])


def spoken_by(system: SystemErrors, speakers: list[str]) -> SystemErrors:
    return replace(system, speakers=np.array(speakers))


def test_speakers_count_as_one_utterance_each():
    a, b = system({0: 0, 1: 1}, 0.5), system({0: 0, 1: 0}, 0.3)
    speakers = [f"s{number // 2:02}" for number in range(40)]  # two utterances each
    margin = margin_over(spoken_by(a, speakers), spoken_by(b, speakers))
    pairs = [
        SystemErrors({seed: each.reshape(20, 2).sum(1) for seed, each in one.errors.items()}, np.full(20, 12))
        for one in (a, b)
    ]
    expected = margin_over(*pairs)
    assert margin.by_speaker == (20, expected.interval, expected.p)
    assert (margin.p, margin.interval) == (margin_over(a, b).p, margin_over(a, b).interval)


def test_a_gain_of_one_speaker_is_no_gain_of_speakers():
    """Of 25 speakers one has all of it: chance gives that less often among utterances than among speakers."""
    theirs, speakers = np.full(100, 2), [f"s{number // 4}" for number in range(100)]
    ours = theirs.copy()
    ours[:4] = 0
    a, b = (spoken_by(SystemErrors({0: each}, np.full(100, 6)), speakers) for each in (theirs, ours))
    margin = margin_over(a, b)
    assert margin.p == 0.125 and margin.by_speaker.p == 1.0


@pytest.mark.parametrize("count", [MANY_SPEAKERS - 1, 40])
def test_few_speakers_and_one_for_each_utterance_tell_nothing(count: int):
    speakers = [f"s{number % count}" for number in range(40)]
    assert spoken_by(system({0: 0}, 0.4), speakers).by_speaker() is None
