from pathlib import Path

from espnet_gmot.driver.lines import count_lines, join_lines


def test_a_last_line_without_an_end_gets_one_and_other_bytes_stay(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("u1 \u2028 a\nu2".encode())
    (tmp_path / "b").write_bytes(b"u3\tb\n")
    joined = join_lines([tmp_path / "a", tmp_path / "b"], tmp_path / "joined")
    assert joined.read_bytes() == "u1 \u2028 a\nu2\nu3\tb\n".encode()
    assert count_lines(joined) == 3


def test_lines_that_are_not_kept_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("u1 a\nu2\n")
    keep = join_lines([tmp_path / "a"], tmp_path / "kept", keep=lambda line: len(line.split()) > 1)
    assert keep.read_text() == "u1 a\n"
