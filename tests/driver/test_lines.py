from pathlib import Path

import pytest

from espnet_gmot.driver.lines import count_lines, join_lines
from espnet_gmot.errors import InputError


def test_a_last_line_without_an_end_gets_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"u1 a\nu2")
    (tmp_path / "b").write_bytes(b"u3\tb\n")
    joined = join_lines([tmp_path / "a", tmp_path / "b"], tmp_path / "joined")
    assert joined.read_bytes() == b"u1 a\nu2\nu3 b\n"
    assert count_lines(joined) == 3


def test_texts_get_plain_spaces_and_no_byte_order_mark(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a").write_text("\ufeffu1 今\u2028 天\nu2 b\u3000c\r\nu3 d\n", encoding="utf-8", newline="")
    joined = join_lines([tmp_path / "a"], tmp_path / "joined")
    assert joined.read_text(encoding="utf-8") == "u1 今 天\nu2 b c\nu3 d\n"
    assert f"{tmp_path / 'a'}: 2 transcripts have white space other than" in caplog.text
    assert "(first: u1)" in caplog.text


@pytest.mark.parametrize("content", ["u1 今\n".encode("gb18030"), "u1 a\n".encode("utf-16")])
def test_another_encoding_is_refused_and_nothing_is_written(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(InputError, match=r"a is not UTF-8 .*convert it"):
        join_lines([tmp_path / "a"], tmp_path / "joined")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_lines_that_are_not_kept_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("u1 a\nu2\n")
    keep = join_lines([tmp_path / "a"], tmp_path / "kept", keep=lambda line: len(line.split()) > 1)
    assert keep.read_text() == "u1 a\n"
