"""Couplings against true times: known answers."""

import numpy as np
import pytest

from espnet_gmot.errors import InputError
from espnet_gmot.trained.coupling_timing import coupling_timing

TIMES = np.arange(8) * 0.1 + 0.05  # eight frames of 100 ms
SPANS = [(0.2, 0.4), (0.4, 0.6)]  # two characters, silence of 200 ms at both ends
FRAMED = [None, *SPANS, None]  # [CLS], two characters, [SEP]


def diagonal(frames_a_token=2):
    return np.kron(np.eye(4), np.ones((frames_a_token, 1))) / 8  # [CLS], two characters, [SEP]


def test_the_true_coupling_is_perfect():
    summary = coupling_timing(diagonal(), TIMES, FRAMED).summary()
    assert summary == pytest.approx(
        {
            "utterances": 1,
            "tokens": 2,
            "inside_own_span": 1.0,
            "inside_span_before": 0.0,
            "inside_span_after": 0.0,
            "inside_own_span_by_chance": 0.25,
            "barycentre_error_ms": 0.0,
            "on_right_character": 1.0,
            "special_tokens_on_silence": 1.0,
        },
        abs=1e-9,
    )


def test_the_even_coupling_is_at_chance():
    summary = coupling_timing(np.full((8, 4), 1 / 32), TIMES, FRAMED).summary()
    assert summary["inside_own_span"] == pytest.approx(summary["inside_own_span_by_chance"])
    assert summary["barycentre_error_ms"] == pytest.approx(100)  # 0.4 s against 0.3 and 0.5 s
    assert summary["on_right_character"] == pytest.approx(0.25)
    assert summary["special_tokens_on_silence"] == pytest.approx(0.5)


def test_a_shift_by_a_frame_moves_the_barycentres_by_it():
    shifted = np.roll(diagonal(), 1, axis=0)
    summary = coupling_timing(shifted, TIMES, FRAMED).summary()
    assert summary["barycentre_error_ms"] == pytest.approx(100)
    assert summary["inside_own_span"] == pytest.approx(0.5)


@pytest.mark.parametrize(("tokens", "expected"), [(1, "inside_span_after"), (-1, "inside_span_before")])
def test_a_shift_by_a_token_is_seen_and_astray(tokens, expected):
    spans = [(start, start + 0.2) for start in (0.0, 0.2, 0.4, 0.6)]
    timing = coupling_timing(np.roll(diagonal(), 2 * tokens, axis=0), TIMES, spans)
    assert timing.is_astray
    assert timing.summary()[expected] == pytest.approx(3 / 4)  # the fourth came in at the other end
    assert timing.summary()["inside_own_span"] == 0


def test_what_lies_in_place_is_not_astray_and_what_lies_anywhere_is():
    assert not coupling_timing(diagonal(), TIMES, FRAMED).is_astray
    assert coupling_timing(np.full((8, 4), 1 / 32), TIMES, FRAMED).is_astray
    assert coupling_timing(diagonal()[::-1], TIMES, FRAMED).is_astray  # in reverse order


def test_without_special_tokens_their_share_is_unknown():
    plan = np.zeros((8, 2))
    plan[2:4, 0] = plan[4:6, 1] = 0.25
    summary = coupling_timing(plan, TIMES, SPANS).summary()
    assert summary["special_tokens_on_silence"] is None
    assert summary["inside_own_span"] == 1.0


def test_sums_weigh_by_tokens():
    good = coupling_timing(diagonal(), TIMES, FRAMED)
    even = coupling_timing(np.full((8, 4), 1 / 32), TIMES, FRAMED)
    both = (good + even + even).summary()
    assert (both["utterances"], both["tokens"]) == (3, 6)
    assert both["inside_own_span"] == pytest.approx((1 + 0.25 + 0.25) / 3)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="8 frames and 4 tokens does not fit 8 frame times and 3 spans"):
        coupling_timing(diagonal(), TIMES, FRAMED[:3])


def test_a_token_without_characters_counts_as_a_special_one():
    plan = np.kron(np.eye(4), np.ones((2, 1))) / 8  # [CLS], a mark between words, two characters
    spans = [None, None, (0.4, 0.6), (0.6, 0.8), None]
    plan = np.hstack([plan, np.zeros((8, 1))])  # [SEP]
    summary = coupling_timing(plan, TIMES, spans).summary()
    assert summary["tokens"] == 2
    assert summary["inside_own_span"] == summary["special_tokens_on_silence"] == 1.0
    marked = coupling_timing(plan[:, 1:-1], TIMES, spans[1:-1]).summary()
    assert marked["special_tokens_on_silence"] == 1.0


def test_a_token_of_several_characters_is_measured_over_all_of_them():
    plan = np.zeros((8, 1))
    plan[2:6] = 0.25
    summary = coupling_timing(plan, TIMES, [(0.2, 0.6)]).summary()
    assert (summary["inside_own_span"], summary["inside_own_span_by_chance"]) == (1.0, 0.5)
    assert summary["barycentre_error_ms"] == pytest.approx(0, abs=1e-9)
