"""Error counts: hand-counted answers, and an edit distance written apart from jiwer's."""

import math

import pytest
from edit_distance import edit_distance
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_gmot.errors import InputError
from espnet_gmot.score.error_rates import ErrorCounts, score, total


@pytest.mark.parametrize(
    ("ref", "hyp", "unit", "correct", "substitutions", "deletions", "insertions"),
    [
        ("今天天气好", "今天天气好", "char", 5, 0, 0, 0),
        ("今天天气好", "今天天汽好", "char", 4, 1, 0, 0),
        ("今天天气好", "今天气好", "char", 4, 0, 1, 0),
        ("今天天气好", "今天天气很好", "char", 5, 0, 0, 1),
        ("今天天气好", "", "char", 0, 0, 5, 0),
        ("今天 天气 好", "今 天天气好", "char", 5, 0, 0, 0),
        ("北京", "上海市", "char", 0, 2, 0, 1),
        ("so the cat sat down", "the cat sits down now", "word", 3, 1, 1, 1),
        ("the cat", "thecat", "word", 0, 1, 1, 0),
    ],
)
def test_hand_counted_errors(ref, hyp, unit, correct, substitutions, deletions, insertions):
    wrong = int(substitutions + deletions + insertions > 0)
    expected = ErrorCounts(correct, substitutions, deletions, insertions, 1, wrong)
    assert score({"utt": ref}, {"utt": hyp}, unit) == {"utt": expected}


@settings(max_examples=200)
@given(
    st.dictionaries(st.integers(), st.tuples(st.text("天地人", min_size=1), st.text("天地人")), min_size=1)
)
def test_counts_agree_with_the_edit_distance(pairs):
    ref = {str(key): pair[0] for key, pair in pairs.items()}
    hyp = {str(key): pair[1] for key, pair in reversed(pairs.items())}
    for utterance, counts in score(ref, hyp, "char").items():
        assert counts.errors == edit_distance(ref[utterance], hyp[utterance])
        assert counts.units == len(ref[utterance])
        assert counts.correct + counts.substitutions + counts.insertions == len(hyp[utterance])


def test_the_total_weighs_utterances_by_their_length():
    counts = score({"a": "天" * 9, "b": "地"}, {"a": "天" * 9, "b": "人人"}, "char")
    assert counts["b"].err_rate == 200.0
    assert total(counts.values()) == ErrorCounts(9, 1, 0, 1, 2, 1)
    assert total(counts.values()).err_rate == 20.0
    assert total(counts.values()).sent_err_rate == 50.0


def test_an_empty_reference_is_named():
    with pytest.raises(
        InputError, match=r"^dump/text: 2 utterances .*empty transcript \(first: b\).*; remove them"
    ):
        score({"a": "x", "b": "", "c": " "}, {"a": "", "b": "x", "c": ""}, "char", ref_name="dump/text")


def test_ids_must_match():
    with pytest.raises(
        InputError, match=r"1 utterances of dump/text are not in exp/text \(first: b\); decode all"
    ):
        score({"a": "x", "b": "x"}, {"a": "x"}, "char", "dump/text", "exp/text")


def test_an_unknown_unit_lists_the_choices():
    with pytest.raises(InputError, match="unit is 'bpe'; choose one of char, word"):
        score({"a": "x"}, {"a": "x"}, "bpe")


def test_an_empty_reference_that_is_allowed_has_no_unit_and_no_rate():
    counts = score({"a": "", "b": "xy"}, {"a": "zz", "b": "xy"}, "char", allow_empty=True)
    assert counts["a"] == ErrorCounts(0, 0, 0, 2, 1, 1)
    assert (counts["a"].units, math.isnan(counts["a"].err_rate)) == (0, True)
    assert total(counts.values()).err_rate == 100.0
    assert score({"a": "", "b": "x"}, {"a": "", "b": "x"}, "char", allow_empty=True)["a"].errors == 0


def test_a_set_without_any_unit_is_refused():
    with pytest.raises(InputError, match=r"^dump/text: 2 utterances have an empty transcript \(first: a\)"):
        score({"a": "", "b": ""}, {"a": "x", "b": ""}, "char", "dump/text", allow_empty=True)


@pytest.mark.parametrize(
    ("ref", "hyp", "unit", "spaces", "errors", "units"),
    [
        ("今天很好", "今天<unk>好", "char", False, 1, 4),
        ("你\u3000好", "你<unk>好", "char", False, 1, 2),
        ("你\u3000好", "你<unk>好", "char", True, 1, 3),
        ("你\u3000好", "你 好", "char", True, 0, 3),
        ("a b", "ab", "char", False, 0, 2),
        ("a b", "ab", "char", True, 1, 3),
        ("<unk> b", "<unk> b", "word", False, 0, 2),
    ],
)
def test_an_unknown_symbol_and_a_space_are_one_unit_each(ref, hyp, unit, spaces, errors, units):
    (counts,) = score({"u": ref}, {"u": hyp}, unit, spaces=spaces).values()
    assert (counts.errors, counts.units) == (errors, units)
