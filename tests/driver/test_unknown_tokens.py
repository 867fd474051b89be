from pathlib import Path

import pytest

from espnet_gmot.driver.unknown_tokens import find_unknown_tokens
from espnet_gmot.errors import InputError


@pytest.fixture
def token_list(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.txt"
    path.write_text("<blank>\n<unk>\n好\n你\n<sos/eos>\n")
    return path


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text"
    path.write_text("u1 你好\nu2 你们好们\nu3 他们\n")
    return path


def test_unknown_characters_are_counted_and_their_utterances_named(text: Path, token_list: Path) -> None:
    found = find_unknown_tokens(text, token_list, "char")
    assert (found.tokens, found.counts, found.utterances) == (8, {"们": 3, "他": 1}, ["u2", "u3"])
    assert "4 of 8 tokens are outside the token list, in 2 utterances (u2 u3): 们 ×3, 他 ×1;" in str(found)


def test_words_are_looked_up_as_words(tmp_path: Path, token_list: Path) -> None:
    (tmp_path / "words").write_text("u1 你 好 你好\n")
    assert find_unknown_tokens(tmp_path / "words", token_list, "word").counts == {"你好": 1}


def test_symbols_that_stay_whole_are_looked_up_whole(tmp_path: Path, token_list: Path) -> None:
    (tmp_path / "symbols.txt").write_text("<noise>\n")
    (tmp_path / "noisy").write_text("u1 <noise>你\n")
    found = find_unknown_tokens(
        tmp_path / "noisy", token_list, "char", non_linguistic_symbols=str(tmp_path / "symbols.txt")
    )
    assert found.counts == {"<noise>": 1}


def test_only_the_first_of_many_are_named(tmp_path: Path, token_list: Path) -> None:
    (tmp_path / "many").write_text("u1 abcdefghijklmn\n")
    found = str(find_unknown_tokens(tmp_path / "many", token_list, "char"))
    assert "j ×1, … (14 different ones)" in found
    assert "k ×1" not in found


def test_a_text_without_unknown_tokens_says_so(tmp_path: Path, token_list: Path) -> None:
    (tmp_path / "known").write_text("u1 你好\n")
    found = str(find_unknown_tokens(tmp_path / "known", token_list, "char"))
    assert found.endswith("known: all 2 tokens are in the token list")


def test_missing_token_list_is_refused(text: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tokens.txt .*run stage 5 first"):
        find_unknown_tokens(text, tmp_path / "tokens.txt", "char")


def test_a_literal_unknown_symbol_is_named_where_it_is_split(tmp_path: Path, token_list: Path) -> None:
    (tmp_path / "spelled").write_text("u1 你好\nu2 你<unk>\n")
    found = find_unknown_tokens(tmp_path / "spelled", token_list, "char")
    assert found.spelled == ["u2"]
    assert "1 transcripts hold <unk> (u2), which the tokenizer splits" in str(found)
    assert find_unknown_tokens(tmp_path / "spelled", token_list, "word").spelled == []
