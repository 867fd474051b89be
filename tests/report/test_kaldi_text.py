"""Kaldi tables as the reports read them."""

import pytest

from espnet_gmot.errors import InputError
from espnet_gmot.report.kaldi_text import read_text, require_same_ids


def test_an_id_alone_has_the_empty_text_and_only_newlines_end_a_line(tmp_path):
    (tmp_path / "text").write_text("utt1 今天  下雨 \nutt2\nutt3\t a\u2028b\n", encoding="utf-8")
    assert read_text(tmp_path / "text", "decode") == {"utt1": "今天  下雨", "utt2": "", "utt3": "a\u2028b"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"text is empty; run stage 12"),
        (b"utt1 a\n\nutt2 b\n", r"text:2: the line is empty; run stage 12"),
        (b"utt1 a\nutt1 b\n", r"text:2: utterance utt1 comes twice; keep one line"),
        ("utt1 今\n".encode("gb18030"), r"text is not UTF-8 .*; convert it to UTF-8"),
    ],
)
def test_a_bad_table_is_named_with_its_cure(tmp_path, content, message):
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_text(tmp_path / "text", "run stage 12")


def test_ids_of_only_one_table_are_counted_and_named():
    left = dict.fromkeys(["a", "b", "c", "d", "e"], "")
    with pytest.raises(InputError, match=r"^4 utterances of L are not in R \(first: b, c, d\); mend it$"):
        require_same_ids(left, "L", {"a": ""}, "R", "mend it")
    with pytest.raises(
        InputError, match=r"in R \(first: b, .* and 1 utterances of R are not in L \(first: z\)"
    ):
        require_same_ids(left, "L", {"a": "", "z": ""}, "R", "mend it")
