"""Kaldi tables, as every part of the project reads them."""

import pytest

from espnet_gmot.data.kaldi_text import read_table, require_same_ids
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
