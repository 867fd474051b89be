"""The share of unknown tokens: told, warned of, refused; and which ids are unknown."""

import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_teachers import save_model, save_tokenizer
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.coverage import REFUSED_SHARE, WARNED_SHARE, Coverage, unknown_ids
from espnet_gmot.teacher.texts import Transcript, text_key, tokenize
from espnet_gmot.teacher.tokenizer import load_tokenizer
from espnet_gmot.teacher.transcript import teacher_ids


@given(texts=st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=6))
def test_counts_are_those_of_all_texts(texts: list[list[int]]):
    coverage = Coverage("t", frozenset({1, 3}))
    for ids in texts:
        coverage.count(np.array(ids, dtype=np.int64))
    every = [token for ids in texts for token in ids]
    assert (coverage.tokens, coverage.unknown) == (len(every), sum(token in (1, 3) for token in every))


@pytest.mark.parametrize(
    ("unknown", "level"),
    [(0, logging.INFO), (20, logging.INFO), (21, logging.WARNING), (500, logging.WARNING), (501, None)],
)
def test_share_decides(unknown: int, level: int | None, caplog):
    assert (WARNED_SHARE, REFUSED_SHARE) == (0.02, 0.5)
    coverage = Coverage("老师", frozenset({1}))
    coverage.count(np.array([1] * unknown + [7] * (1000 - unknown)))
    told = f"{unknown / 10:.1f} % of 1,000 tokens of teacher 老师 are unknown ([UNK])"
    caplog.set_level(logging.INFO)
    if level is None:
        with pytest.raises(InputError, match=r"50\.1 % of 1,000 tokens of teacher 老师.*choose a teacher of"):
            coverage.judge()
    else:
        coverage.judge()
        assert [(record.levelno, record.message.startswith(told)) for record in caplog.records] == [
            (level, True)
        ]


def test_no_text_at_all_is_no_fault():
    Coverage("t", frozenset({1})).judge()


@pytest.mark.parametrize("texts", [["今天天气很好"], ["hello world", "now"], ["한국어 뉴스", "我"]])
def test_a_teacher_of_another_script_is_refused(texts: list[str], tmp_path):
    tokenizer = load_tokenizer(str(save_model(tmp_path)))
    with pytest.raises(InputError, match=f"tokens of teacher {tmp_path} are unknown .*cannot read these"):
        list(tokenize(tokenizer, [Transcript(text_key(text), "u1", text) for text in texts]))


def fast_tokenizer(model: models.Model, **options) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = options.pop("splitter", pre_tokenizers.Split("", "isolated"))
    tokenizer.add_special_tokens(["<s>", "</s>"])
    ids = {token: tokenizer.token_to_id(token) for token in ("<s>", "</s>")}
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=list(ids.items())
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", **options)


CHARACTERS = {"我": 0, "们": 1, "a": 2}
BYTES = {char: n for n, char in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
HEX = {f"<0x{byte:02X}>": 3 + byte for byte in range(256)}


@pytest.mark.parametrize(
    ("model", "options", "unknown"),
    [
        (models.WordLevel({**CHARACTERS, "<unk>": 3}, "<unk>"), {"unk_token": "<unk>"}, {3}),
        (models.WordLevel({**CHARACTERS, "<unk>": 3}, "<unk>"), {}, {3}),  # tokenizer.json alone says so
        (models.WordLevel({**CHARACTERS, "?": 3, "*": 4}, "?"), {"unk_token": "*"}, {3, 4}),
        (models.Unigram([("<unk>", 0.0), ("我", -1.0), ("a", -1.0)], unk_id=0), {}, {0}),
        (models.BPE(BYTES, []), {"splitter": pre_tokenizers.ByteLevel(add_prefix_space=False)}, set()),
        (models.BPE({**CHARACTERS, **HEX}, [], byte_fallback=True), {}, set()),
    ],
    ids=["word level", "only in tokenizer.json", "two of them", "unigram", "bytes", "byte fallback"],
)
def test_unknown_ids_of_each_kind_of_tokenizer(model, options: dict, unknown: set[int], tmp_path):
    fast_tokenizer(model, **options).save_pretrained(tmp_path)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    assert unknown_ids(tokenizer) == unknown
    ids = teacher_ids(tokenizer, "我龘")[1:-1]
    assert (unknown == set()) or set(ids.tolist()) & unknown


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (models.BPE(CHARACTERS, []), "leaves out characters that it does not know"),
        (models.WordLevel(CHARACTERS, unk_token="<unk>"), "cannot read .*UNK"),
    ],
    ids=["byte-pair encoding", "word level"],
)
def test_a_tokenizer_without_an_unknown_token_is_refused_by_name(model, message: str, tmp_path):
    save_model(tmp_path)
    fast_tokenizer(model).save_pretrained(tmp_path)
    with pytest.raises(InputError, match=f"{tmp_path} has a tokenizer that {message}.*falls back to bytes"):
        load_tokenizer(str(tmp_path))


@pytest.mark.parametrize("count", [1, 3])
def test_tokens_added_without_embeddings_give_both_numbers(count: int, tmp_path):
    save_model(tmp_path)
    save_tokenizer(tmp_path, *"河海江"[:count])
    expected = (
        f"ids go to {19 + count} .'{'河海江'[count - 1]}'. and the model has 20 embeddings, ids 0 to 19"
    )
    with pytest.raises(InputError, match=f"{tmp_path}: the tokenizer's {expected}"):
        load_tokenizer(str(tmp_path))


def test_tokens_added_later_count_too(tmp_path):
    tokenizer = load_tokenizer(str(save_model(tmp_path)))
    tokenizer.add_tokens(["河"])
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="ids go to 20 .'河'. and the model has 20 embeddings"):
        load_tokenizer(str(tmp_path))


def test_a_model_with_spare_embeddings_is_fine(tmp_path):
    save_model(tmp_path, vocab_size=64)
    assert max(load_tokenizer(str(tmp_path)).get_vocab().values()) == 19


def test_a_padding_id_that_is_an_ordinary_token_is_refused(tmp_path):
    save_model(tmp_path, "roberta", pad_token_id=7)
    with pytest.raises(
        InputError, match="pad_token_id 7 is the tokenizer's '爱', and this token would have no"
    ):
        load_tokenizer(str(tmp_path))
