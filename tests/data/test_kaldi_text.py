"""Kaldi tables, as every part of the project reads them."""

import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espnet_gmot.data.kaldi_text import (
    has_other_spaces,
    plain_spaces,
    read_symbols,
    read_table,
    require_same_ids,
    with_plain_spaces,
)
from espnet_gmot.errors import InputError


def test_an_id_ends_at_the_first_space_or_tab_and_only_newlines_end_a_line(tmp_path):
    (tmp_path / "text").write_text("utt1 今天  下\t雨 \nutt2\t a\u2028b\n", encoding="utf-8")
    assert read_table(tmp_path / "text", "decode") == {"utt1": "今天  下\t雨", "utt2": "a\u2028b"}


def test_a_value_may_be_missing_on_request_and_a_table_may_be_empty(tmp_path):
    (tmp_path / "text").write_text("utt1\nutt2 a\n")
    assert read_table(tmp_path / "text", "decode", allow_empty=True) == {"utt1": "", "utt2": "a"}
    (tmp_path / "text").write_text("")
    assert read_table(tmp_path / "text", "decode") == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"utt1 a\n\nutt2 b\n", r"text:2: an empty line; remove it"),
        (b"utt1 a\nutt1 b\n", r"text:2: id utt1 comes twice; keep one of its lines"),
        (b"utt1 a\nutt2 \n", r"text:2: id utt2 has no value; complete or remove the line"),
        ("utt1 今\n".encode("gb18030"), r"text is not UTF-8 .*; convert it to UTF-8"),
    ],
)
def test_a_bad_table_is_named_with_its_line_and_cure(tmp_path, content, message):
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_table(tmp_path / "text", "run stage 12")


def test_a_missing_table_is_named_with_the_caller_s_cure(tmp_path):
    with pytest.raises(InputError, match=r"text does not exist; run stage 12$"):
        read_table(tmp_path / "text", "run stage 12")


def test_ids_of_only_one_table_are_counted_and_named():
    left = dict.fromkeys(["a", "b", "c", "d", "e"], "")
    with pytest.raises(InputError, match=r"^4 utterances of L are not in R \(first: b, c, d\); mend it$"):
        require_same_ids(left, "L", {"a": ""}, "R", "mend it")
    with pytest.raises(
        InputError, match=r"in R \(first: b, .* and 1 utterances of R are not in L \(first: z\)"
    ):
        require_same_ids(left, "L", {"a": "", "z": ""}, "R", "mend it")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("between", [b" ", b"\t", b"  "])
def test_files_from_windows_are_the_same_table(tmp_path, mark, end, between):
    lines = [mark + between.join(line) + end for line in ((b"utt1", "今天".encode()), (b"utt2", b"a b"))]
    (tmp_path / "text").write_bytes(b"".join(lines))  # as cat joins two such files
    assert read_table(tmp_path / "text") == {"utt1": "今天", "utt2": "a b"}


def test_a_mark_inside_a_transcript_is_a_character_of_it(tmp_path):
    (tmp_path / "text").write_text("utt1 今\ufeff天\u200b\n", encoding="utf-8")
    assert read_table(tmp_path / "text") == {"utt1": "今\ufeff天\u200b"}


SPACES = [" ", "\t", "\u3000", "\xa0", "\u2028", "\u2029", "\x85", "\u2003", "\x0b", "\x1c", "\r"]
WORDS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.split), min_size=1)


@given(words=WORDS, draw=st.data())
def test_all_white_space_is_one_plain_space(words, draw):
    words = " ".join(words).split()
    ways = st.lists(st.sampled_from(SPACES), min_size=1, max_size=3).map("".join)
    written = "".join(word + draw.draw(ways) for word in words)
    assert plain_spaces(draw.draw(ways) + written) == " ".join(words)
    assert plain_spaces(" ".join(words)) == " ".join(words)


@pytest.mark.parametrize("character", ["\u200b", "\ufeff", "\u2060", "\u200d", "\u00ad", "\x00"])
def test_what_has_no_width_is_no_white_space(character):
    assert plain_spaces(f"今{character}天{character}") == f"今{character}天{character}"


@pytest.mark.parametrize("text", ["Ａ１", "A1", "e\u0301", "\u00e9", "𠮷", "2024年"])
def test_nothing_else_is_changed(text):
    assert plain_spaces(text) == text


def test_transcripts_that_are_changed_are_counted_and_the_first_is_named(tmp_path, caplog):
    transcripts = {"u1": "今天 很好", "u2": "今天\u3000很好", "u3": "a  b", "u4": "a"}
    plain = with_plain_spaces("data/train/text", transcripts)
    assert plain == {"u1": "今天 很好", "u2": "今天 很好", "u3": "a b", "u4": "a"}
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert re.match(r"data/train/text: 2 transcripts have white space .* \(first: u2\)", record.getMessage())
    assert with_plain_spaces("data/train/text", plain) == plain
    assert len(caplog.records) == 1
    for table, other in ((transcripts, True), (plain, False)):
        lines = "".join(f"{key} {text}\n" for key, text in table.items())
        (tmp_path / "text").write_text(lines, encoding="utf-8")
        assert has_other_spaces(tmp_path / "text") == other


def test_symbols_are_read_a_line_each(tmp_path):
    (tmp_path / "nlsyms").write_bytes(b"<noise>\r\n\n<laugh> \n")
    assert read_symbols(tmp_path / "nlsyms") == ["<noise>", "<laugh>"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "nlsyms does not exist; correct --nlsyms_txt"),
        (b"\xef\xbb\xbf<noise>\n", r"nlsyms holds a byte-order mark, .*; remove it: sed -i 's/.*nlsyms$"),
        (b"<laugh>\n\xef\xbb\xbf<noise>\n", "nlsyms holds a byte-order mark"),
        ("<noise>\n".encode("utf-16"), "nlsyms is not UTF-8 but UTF-16"),
    ],
)
def test_symbols_that_espnet_would_misread_are_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "nlsyms").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_symbols(tmp_path / "nlsyms")
