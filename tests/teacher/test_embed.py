import multiprocessing

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_teachers import read_texts

from espnet_gmot.teacher.embed import batches, chosen_device, embed
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.tokenizer import load_tokenizer


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(1, 200))
def test_batches_hold_all_texts_in_order_and_no_more_tokens_than_asked(lengths, batch_bins):
    lengths = sorted(lengths, reverse=True)
    texts = [(str(number), length) for number, length in enumerate(lengths)]
    found = list(batches(texts, batch_bins))
    assert [text for batch in found for text in batch] == [text for text, _ in texts]
    for number, batch in enumerate(found, start=1):
        longest = lengths[int(batch[0])]
        assert len(batch) == 1 or longest * len(batch) <= batch_bins
        assert number == len(found) or longest * (len(batch) + 1) > batch_bins  # and no fewer


def test_a_texts_vectors_do_not_depend_on_its_batch(tiny_bert: str):
    teacher, tokenizer = FrozenTeacher.load(tiny_bert), load_tokenizer(tiny_bert)
    texts = read_texts(tokenizer, ["我们", "爱学习", "语言和音乐", "天", "地大人小"])
    alone, together = dict(embed(teacher, texts, 1)), dict(embed(teacher, texts, 1000))
    assert list(alone) == list(together) == sorted(texts, key=len, reverse=True)
    for text in texts:
        np.testing.assert_allclose(alone[text], together[text], atol=1e-5)


@pytest.mark.parametrize(
    ("gpus", "name", "device"),
    [
        (0, "SpawnProcess-3", "cpu"),
        (1, "SpawnProcess-3", "cuda:0"),
        (4, "MainProcess", "cuda:0"),
        (2, "SpawnProcess-1", "cuda:1"),
        (2, "SpawnProcess-2", "cuda:0"),
    ],
)
def test_processes_take_the_gpus_in_turn(monkeypatch, gpus: int, name: str, device: str):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(multiprocessing.current_process(), "name", name)
    assert chosen_device() == device
