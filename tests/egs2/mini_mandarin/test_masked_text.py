import numpy as np
import pytest
import torch
from small_bert.masked_text import (
    CLS,
    MASK,
    PAD,
    SEP,
    UNK,
    batches_of_epoch,
    character_tokenizer,
    choose_masked,
    corrupt,
    hold_out,
    pad,
    token_sequences,
)

from espnet_gmot.errors import InputError


@pytest.fixture(scope="module")
def tokenizer():
    return character_tokenizer(["我们，我", "我们 abc", "龘"], min_count=2, max_length=6)


def test_vocabulary_is_the_frequent_characters(tokenizer):
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert tokenizer.convert_ids_to_tokens(range(len(tokenizer))) == [*special, "我", "们"]
    assert [tokenizer.convert_tokens_to_ids(token) for token in special] == [PAD, UNK, CLS, SEP, MASK]
    assert tokenizer("我龘们")["input_ids"] == [CLS, 5, UNK, 6, SEP]


def test_words_of_other_scripts_are_spelt():
    tokenizer = character_tokenizer(["Abc cab"], min_count=1, max_length=16)
    assert tokenizer.tokenize("cab abc") == ["c", "##a", "##b", "a", "##b", "##c"]


def test_text_too_small_for_its_min_count():
    with pytest.raises(InputError, match="no character occurs 9 times; lower --min_count"):
        character_tokenizer(["我们"], min_count=9, max_length=16)


def test_long_lines_are_cut(tokenizer):
    sequences = [s.tolist() for s in token_sequences(tokenizer, ["我们我们我们", "我", ""])]
    assert sequences == [[CLS, 5, 6, 5, 6, SEP], [CLS, 5, 6, SEP], [CLS, 5, SEP]]


def test_held_out_lines_are_not_trained_on():
    lines = [str(number % 50) for number in range(200)]
    training, held_out = hold_out(lines, 0.2, seed=0)
    assert len(held_out) == 10
    assert len(training) == 200 - 4 * 10
    assert not set(training) & set(held_out)
    assert hold_out(lines, 0.2, seed=1)[1] != held_out


def test_an_epoch_takes_each_sequence_once_in_batches_of_like_length():
    lengths = np.random.default_rng(0).integers(3, 30, size=101)
    batches = batches_of_epoch(lengths, 8, seed=3, epoch=1)
    assert sorted(np.concatenate(batches)) == list(range(101))
    ranges = sorted((lengths[batch].min(), lengths[batch].max()) for batch in batches)
    assert all(above[0] >= below[1] for below, above in zip(ranges, ranges[1:], strict=False))
    again = batches_of_epoch(lengths, 8, seed=3, epoch=1)
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))
    other = batches_of_epoch(lengths, 8, seed=3, epoch=2)
    assert not all(np.array_equal(a, b) for a, b in zip(batches, other, strict=True))


def test_only_known_characters_are_masked_at_the_rate_asked_for():
    ids = pad([torch.tensor([CLS, UNK, *[5] * 2000, SEP]), torch.tensor([CLS, *[6] * 2000, SEP])])
    masked = choose_masked(ids, 0.3, torch.Generator().manual_seed(0))
    assert ids[masked].min() == 5
    assert masked.sum() / (ids > MASK).sum() == pytest.approx(0.3, abs=0.03)


def test_corruption_is_80_10_10_and_leaves_the_rest():
    ids = torch.full((4, 5000), 7)
    masked = torch.zeros_like(ids, dtype=torch.bool)
    masked[:2] = True
    inputs = corrupt(ids, masked, 1000, torch.Generator().manual_seed(0))
    assert inputs[2:].eq(7).all()
    assert inputs[:2].eq(MASK).float().mean().item() == pytest.approx(0.8, abs=0.02)
    assert inputs[:2].eq(7).float().mean().item() == pytest.approx(0.1, abs=0.02)
    assert (inputs[:2] >= MASK).all()
