"""Labels that can be drawn with the fonts at hand."""

import sys

import pytest
from matplotlib import font_manager

from espnet_gmot.trained import readable_labels as readable_labels_module
from espnet_gmot.trained.readable_labels import readable_labels

SERIF_ONLY = "\u20dd"  # matplotlib's STIX has it, its default font has not


@pytest.fixture
def no_fonts_of_the_system(monkeypatch):
    fonts = [font for font in font_manager.fontManager.ttflist if "mpl-data" in font.fname]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", fonts)


@pytest.fixture
def only_matplotlibs_fonts(no_fonts_of_the_system, monkeypatch):
    """As on a machine without a Chinese font."""
    monkeypatch.setattr(readable_labels_module, "find_spec", lambda name: None)


def test_what_the_default_font_has_is_left_alone():
    assert readable_labels(["[CLS]", "ā"]) == ({"[CLS]": "[CLS]", "ā": "ā"}, None, "")


def test_a_font_that_has_all_characters_is_found(only_matplotlibs_fonts):
    labels = readable_labels(["a", SERIF_ONLY])
    assert labels.text == {"a": "a", SERIF_ONLY: SERIF_ONLY}
    face = font_manager.get_font(labels.font)
    assert all(face.get_char_index(ord(character)) for character in ("a", SERIF_ONLY))
    assert "LastResort" not in labels.font.name


def test_the_packages_font_draws_chinese(no_fonts_of_the_system):
    labels = readable_labels(["[CLS]", "天", "##气"])
    assert labels.text == {"[CLS]": "[CLS]", "天": "天", "##气": "##气"}
    assert (labels.font.name, labels.note) == ("NotoSansSC-Regular.ttf", "")


def test_chinese_without_a_font_becomes_pinyin(only_matplotlibs_fonts):
    pytest.importorskip("pypinyin")
    labels = readable_labels(["[CLS]", "天", "##气"])
    assert labels == ({"[CLS]": "[CLS]", "天": "tiān", "##气": "##qì"}, None, " (pinyin)")


def test_without_pypinyin_it_becomes_code_points(only_matplotlibs_fonts, monkeypatch):
    monkeypatch.setitem(sys.modules, "pypinyin", None)
    labels = readable_labels(["[CLS]", "天气"])
    assert labels == ({"[CLS]": "[CLS]", "天气": "U+5929 U+6C14"}, None, " (code points)")
