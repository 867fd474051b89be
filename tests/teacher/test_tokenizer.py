import multiprocessing
import pickle
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
from transformers import BertTokenizerFast

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.tokenizer import load_tokenizer
from espnet_gmot.teacher.transcript import teacher_ids

CLS, SEP, UNK = 2, 3, 1


@pytest.fixture(scope="module")
def tokenizer(tiny_bert: str):
    return load_tokenizer(tiny_bert)


def test_one_token_a_character_between_special_tokens(tokenizer):
    ids = teacher_ids(tokenizer, "我们爱")
    assert ids.dtype == np.int64
    assert ids.tolist() == [CLS, 5, 6, 7, SEP]


def test_outer_white_space_does_not_count(tokenizer):
    assert teacher_ids(tokenizer, " 我们 \n").tolist() == teacher_ids(tokenizer, "我们").tolist()


def test_unknown_character_keeps_its_place(tokenizer):
    assert teacher_ids(tokenizer, "我龘爱").tolist() == [CLS, 5, UNK, 7, SEP]


def test_survives_pickling_and_fork(tokenizer):
    expected = teacher_ids(tokenizer, "我们").tolist()
    assert teacher_ids(pickle.loads(pickle.dumps(tokenizer)), "我们").tolist() == expected
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply(teacher_ids, (tokenizer, "我们")).tolist() == expected


@pytest.mark.parametrize("text", ["", "  \n"])
def test_empty_transcript_names_the_utterance(tokenizer, text: str):
    with pytest.raises(InputError, match="utterance utt7 has no text.*remove it"):
        teacher_ids(tokenizer, text, "utt7")


def test_too_long_transcript_names_its_length(tokenizer):
    assert len(teacher_ids(tokenizer, "我" * 30)) == 32  # the limit comes from the model's positions
    with pytest.raises(InputError, match="utterance utt7 has 33 teacher tokens.*takes 32.*split"):
        teacher_ids(tokenizer, "我" * 31, "utt7")


def test_directory_without_tokenizer(tiny_bert: str, tmp_path: Path):
    for name in ("config.json", "model.safetensors"):
        shutil.copy(Path(tiny_bert) / name, tmp_path)
    with pytest.raises(InputError, match=f"{tmp_path} has no tokenizer.*copy the tokenizer files"):
        load_tokenizer(str(tmp_path))


def test_absent_teacher_is_an_error_without_network(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(InputError, match="nobody/no-such-bert is not on this machine.*--allow_download true"):
        load_tokenizer("nobody/no-such-bert")


def test_a_tokenizer_that_does_not_tell_its_special_tokens_is_refused(tiny_bert, monkeypatch):
    class Silent(BertTokenizerFast):
        def __call__(self, *args, **options):  # as slow tokenizers without a method of their own
            found = super().__call__(*args, **options)
            if "special_tokens_mask" in found:
                found["special_tokens_mask"] = [0] * len(found["input_ids"])
            return found

    silent = Silent.from_pretrained(tiny_bert)
    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", lambda *_args, **_kwargs: silent)
    with pytest.raises(
        InputError, match=f"{tiny_bert} has a tokenizer that does not tell its special tokens"
    ):
        load_tokenizer(tiny_bert)


@pytest.mark.parametrize("space", ["\u3000", "\xa0", "\t", "\u2028", "  ", "\x85"])
def test_all_white_space_is_a_plain_space(tokenizer, space: str):
    assert teacher_ids(tokenizer, f"我们{space}爱").tolist() == teacher_ids(tokenizer, "我们 爱").tolist()


def test_a_tokenizer_of_transformers_5_is_called_that_by_transformers_4(tiny_bert, monkeypatch):
    def as_transformers_4(*_args, **_kwargs):
        raise ValueError("Tokenizer class TokenizersBackend does not exist or is not currently imported.")

    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", as_transformers_4)
    with pytest.raises(
        InputError, match=f"{tiny_bert} has a tokenizer that transformers 5 saved.*pip install"
    ):
        load_tokenizer(tiny_bert)
