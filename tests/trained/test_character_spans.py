"""Spans of a transcript's characters and of the teacher's tokens."""

import pytest

from espnet_gmot.data.character_times import read_character_times
from espnet_gmot.errors import InputError
from espnet_gmot.teacher.token_spans import TeacherToken
from espnet_gmot.trained.character_spans import spans_of, token_spans


def test_spans_follow_the_transcript_or_are_refused(tmp_path):
    path = tmp_path / "ctm"
    path.write_text("u1 1 0.100 0.250 人\nu1 1 0.350 0.150 民\n")
    times = read_character_times(path)
    assert spans_of(times, "u1", "人 民", path)[0] == pytest.approx((0.1, 0.35))
    for utterance, transcript in (("u1", "人大"), ("u2", "人民")):
        with pytest.raises(InputError, match=f"ctm: the characters of {utterance} are not those"):
            spans_of(times, utterance, transcript, path)


CHARACTERS = [(0.1, 0.3), (0.3, 0.4), (0.5, 0.6)]


def tokens(*places):
    return [TeacherToken(f"t{number}", place) for number, place in enumerate(places)]


def test_a_token_lasts_from_its_first_character_to_its_last():
    found = token_spans(tokens(range(0), range(2), range(0), range(2, 3)), CHARACTERS, "u1")
    assert found == [None, (0.1, 0.4), None, (0.5, 0.6)]


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (
            [range(1), range(1), range(1, 3)],
            r"u1: the teacher's token 1 \(t1\) is a part of a character",
        ),
        ([range(2), range(1, 3)], r"u1: the teacher's token 1 \(t1\) is a part"),
        ([range(1), range(2, 3)], r"token 1 \(t1\) is a part of a character, or leaves one out"),
        ([range(1), range(1, 2)], "u1: the teacher's tokens end at character 2 of 3"),
        ([range(3), None], "the teacher's tokenizer does not tell which characters"),
    ],
)
def test_tokens_that_are_no_whole_characters_have_no_time(places, message):
    with pytest.raises(InputError, match=message):
        token_spans(tokens(*places), CHARACTERS, "u1")
