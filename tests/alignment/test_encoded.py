"""A batch after the encoder, and a model to which it is encoded already."""

import pytest
import torch

from espnet_gmot.alignment.encoded import Encoded, WithEncoded


@pytest.fixture
def encoded():
    return Encoded(torch.ones(2, 3, 4), [], torch.zeros(2, 3, 4), torch.tensor([3, 2]))


def test_espnet_gets_what_ctc_sees_and_lower_blocks_only_where_there_are_some(encoded):
    hidden, lengths = encoded.for_espnet()
    assert hidden is encoded.hidden
    assert lengths is encoded.lengths
    lower = [(2, torch.ones(2, 3, 4))]
    assert encoded._replace(intermediate=lower).for_espnet()[0] == (encoded.hidden, lower)


def test_a_model_with_its_batch_encoded_does_not_encode_and_is_otherwise_the_model(encoded):
    class Model(torch.nn.Module):
        blank_id = 7

        def encode(self, speech, speech_lengths):
            raise AssertionError("encoded twice")

    given = WithEncoded(Model(), encoded)
    assert given.encode(torch.zeros(2, 100), torch.tensor([100, 80]))[0] is encoded.hidden
    assert given.blank_id == 7
    with pytest.raises(AttributeError):
        given.loss = 0.0
