from pathlib import Path

import pytest

from espnet_gmot.data.kaldi_data import write_table
from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.driver.bpe import encode_bpe, train_bpe
from espnet_gmot.errors import InputError


@pytest.fixture
def text(tmp_path: Path) -> Path:
    words = ["see you again", "see me", "you see me again", "again and again"]
    write_table(tmp_path / "text", {f"u{i}": words[i % 4] for i in range(40)})
    return tmp_path / "text"


def test_token_list_has_espnets_layout_and_the_model_encodes(text: Path) -> None:
    tokens = train_bpe(text, text.parent / "bpe", 20, "bpe").read_text().split("\n")
    assert tokens[:2] == ["<blank>", "<unk>"]
    assert tokens[-2:] == ["<sos/eos>", ""]
    assert len(tokens) - 1 == 20 - 3 + 3
    encode_bpe(text.parent / "bpe" / "bpe.model", text, text.parent / "pieces")
    pieces = read_table(text.parent / "pieces")["u0"].split()
    assert set(pieces) <= set(tokens)
    assert "".join(pieces).replace("▁", " ").strip() == "see you again"


def test_a_size_that_does_not_suit_the_text_is_refused_and_leaves_nothing(text: Path) -> None:
    with pytest.raises(InputError, match=r"sentencepiece refuses --nbpe 5000 for .*text"):
        train_bpe(text, text.parent / "bpe", 5000, "unigram")
    assert not any((text.parent / "bpe").iterdir())


def test_the_unknown_symbol_is_one_piece_and_splits_nothing_else(text: Path) -> None:
    train_bpe(text, text.parent / "bpe", 20, "bpe")
    write_table(text.parent / "hyp", {"a": "see <unk> again", "b": "s<unk><unk>e", "c": "see again"})
    encode_bpe(text.parent / "bpe" / "bpe.model", text.parent / "hyp", text.parent / "pieces")
    pieces = {key: line.split() for key, line in read_table(text.parent / "pieces").items()}
    assert [piece for piece in pieces["a"] if piece not in ("▁", "<unk>")] == [
        piece for piece in pieces["c"] if piece != "▁"
    ]
    assert (pieces["a"].count("<unk>"), pieces["b"].count("<unk>")) == (1, 2)
