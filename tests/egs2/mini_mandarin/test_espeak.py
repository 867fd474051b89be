"""The synthesiser: one syllable a word, and what it says where it is missing."""

import sys

import pytest
from mini_mandarin import espeak

from espnet_gmot.errors import InputError


def test_every_syllable_of_the_alphabet_is_one_syllable_for_espeak():
    pinyin = ("lv4", "nv3", "er2", "zhi1", "de5", "ng4", "yuan2")
    _, starts = espeak.synthesise(pinyin, "m1", 200, 50)
    assert len(starts) == len(pinyin) and starts == sorted(set(starts))


def test_words_that_are_not_one_syllable_each_are_refused():
    with pytest.raises(InputError, match="eSpeak NG spoke 2 of the 1 syllables 'ni3 hao3' with voice m1"):
        espeak.synthesise(("ni3 hao3",), "m1", 200, 50)


def test_missing_espeak_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(InputError, match=r"espeakng-loader.*pip install 'espnet_gmot\[demo\]'"):
        espeak.known_voices()
