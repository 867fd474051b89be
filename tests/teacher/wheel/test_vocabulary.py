import pytest
from small_e5_wheel import PIECES

from espnet_gmot.teacher.wheel.vocabulary import PREFIX, PREFIX_PIECES, VOCABULARIES


@pytest.mark.parametrize(
    ("name", "kept", "left_out"),
    [
        (
            "chinese",
            ["今天", "今", "㐀", "𠮷", "〇", "a", "A", "7", "。"],
            ["▁今天", "▁", "ab", "今a", "さ", "é"],
        ),
        ("characters", ["今", "〇", "a", "。"], ["今天", "▁今", "ab", "さ"]),
        ("english", ["▁the", "er", "'s", "▁7", "."], ["▁The", "T", "é", "今", "", "▁"]),
        ("whole", ["▁今天", "The", "さ", "\n", "▁"], []),
    ],
)
def test_which_pieces_are_kept(name, kept, left_out):
    vocabulary = VOCABULARIES[name]
    assert [piece for piece in kept if not vocabulary.keeps(piece)] == []
    assert [piece for piece in left_out if vocabulary.keeps(piece)] == []


def test_the_prefix_consists_of_its_pieces():
    assert "".join(PREFIX_PIECES[:2]) == f"▁{PREFIX}"
    assert set(PREFIX_PIECES) <= set(PIECES)
