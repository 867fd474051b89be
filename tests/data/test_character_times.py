"""Character times of a synthesised set."""

import pytest

from espnet_gmot.data.character_times import read_character_times
from espnet_gmot.errors import InputError


def test_characters_keep_their_order_by_utterance(tmp_path):
    path = tmp_path / "ctm"
    path.write_text("u1 1 0.100 0.250 人\nu1 1 0.350 0.150 民\nu2 1 0.000 0.500 北\n")
    times = read_character_times(path)
    assert [each.char for each in times["u1"]] == ["人", "民"]
    assert times["u1"][1].end == pytest.approx(0.5)
    assert list(times) == ["u1", "u2"]


@pytest.mark.parametrize("line", ["u1 1 0.1 人", "u1 1 zero 0.1 人"])
def test_another_form_is_refused_by_line(tmp_path, line):
    path = tmp_path / "ctm"
    path.write_text(f"u1 1 0.1 0.2 人\n{line}\n")
    with pytest.raises(InputError, match=r"ctm:2: .* is not 'utterance channel start duration character'"):
        read_character_times(path)


def test_a_byte_order_mark_is_no_part_of_the_first_utterance(tmp_path):
    (tmp_path / "ctm").write_bytes(b"\xef\xbb\xbf" + "utt1 1 0.100 0.250 人\r\n".encode())
    assert list(read_character_times(tmp_path / "ctm")) == ["utt1"]
