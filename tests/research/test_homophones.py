"""Substitutions by sound."""

from mini_mandarin.corpus import plan_utterances

from research.homophones import Substitutions, count_all, count_substitutions, syllables


def test_insertions_and_deletions_do_not_count_and_do_not_shift():
    assert count_substitutions("他在家里", "在佳里") == Substitutions(same_sound=1)  # one deleted
    assert count_substitutions("在家", "我在佳") == Substitutions(same_sound=1)  # one inserted
    assert count_substitutions("在家", "") == Substitutions()


def test_characters_are_read_in_their_sentence():
    # 行 is hang2 in a bank, xing2 in 自行; 航 is always hang2
    assert count_substitutions("银行", "银航").same_sound == 1
    assert count_substitutions("自行", "自航") == Substitutions(other=1)


def test_unknown_symbols_are_other_substitutions():
    assert count_substitutions("人民", "人a") == Substitutions(other=1)


def test_readings_are_those_that_were_synthesised():
    sentence = "中国人民银行的行长"
    assert tuple(syllables(sentence)) == plan_utterances("dev", [sentence], ("m1",))[0].pinyin


def test_sets_are_summed():
    counts = count_all({"u1": "他在", "u2": "是马"}, {"u1": "她在", "u2": "十大"})
    assert counts == Substitutions(1, 1, 1)
    assert counts.total == 3
