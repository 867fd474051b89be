"""Spans of a transcript's characters."""

import pytest

from espnet_gmot.data.character_times import read_character_times
from espnet_gmot.errors import InputError
from research.character_spans import spans_of


def test_spans_follow_the_transcript_or_are_refused(tmp_path):
    path = tmp_path / "ctm"
    path.write_text("u1 1 0.100 0.250 人\nu1 1 0.350 0.150 民\n")
    times = read_character_times(path)
    assert spans_of(times, "u1", "人 民", path)[0] == pytest.approx((0.1, 0.35))
    for utterance, transcript in (("u1", "人大"), ("u2", "人民")):
        with pytest.raises(InputError, match=f"ctm: the characters of {utterance} are not those"):
            spans_of(times, utterance, transcript, path)
