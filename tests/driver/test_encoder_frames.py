"""Frames of an utterance: those of the encoder's own output, and few runs of it."""

import numpy as np
import pytest
import torch

from espnet_gmot.driver.encoder_frames import EncoderFrames

LENGTHS = (3000, 3200, 4000, 5555, 8000, 9600)  # samples
ATTENTION = {"output_size": 8, "attention_heads": 2, "linear_units": 16, "num_blocks": 1}
ENCODERS = {
    **{
        f"transformer {layer}": ("transformer", ATTENTION | {"input_layer": layer})
        for layer in ("conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8", "conv1d2", "linear")
    },
    "e_branchformer": ("e_branchformer", ATTENTION | {"cgmlp_linear_units": 16}),
    "rnn": ("rnn", {"hidden_size": 8, "output_size": 8, "num_layers": 1}),
    "vgg_rnn": ("vgg_rnn", {"hidden_size": 8, "output_size": 8, "num_layers": 1}),
    "streaming": ("contextual_block_transformer", ATTENTION),
}


@pytest.fixture(params=ENCODERS.values(), ids=ENCODERS)
def model(request, build_model):
    encoder, conf = request.param
    return build_model(model="espnet", encoder=encoder, encoder_conf=conf).eval()


def lengths_of(model, samples):
    with torch.no_grad():
        hidden, lengths = model.encode(torch.randn(1, samples), torch.tensor([samples]))
    assert hidden.size(1) == int(lengths[0])
    return int(lengths[0])


def test_frames_are_the_encoders_and_reached_exactly(model):
    expected = {samples: lengths_of(model, samples) for samples in LENGTHS}
    frames = EncoderFrames(model)
    assert {samples: frames.frames((samples,)) for samples in LENGTHS} == expected
    for samples in np.random.default_rng(0).permutation(LENGTHS):
        asked_anew = EncoderFrames(model)
        for needed in (0, 1, expected[samples], expected[samples] + 1, 10 * expected[samples] + 10):
            wanted = expected[samples] >= needed
            assert asked_anew.reach((samples,), needed) == frames.reach((samples,), needed) == wanted


class Counting:
    """A model of a frame a hundred samples, which counts its runs."""

    runs = 0

    def eval(self):
        return self

    def encode(self, speech, lengths):
        self.runs += 1
        assert speech.shape[1] == int(lengths[0])
        return speech, lengths // 100


@pytest.mark.parametrize(("most", "runs"), [(0.5, 30), (3.0, 1500)], ids=["speech", "nonsense"])
def test_most_answers_follow_from_others(most, runs):
    model = Counting()
    frames = EncoderFrames(model)
    draw = np.random.default_rng(0)
    for samples in map(int, draw.integers(100, 20000, 3000)):
        needed = int(draw.uniform(0, most) * (samples // 100))
        assert frames.reach((samples,), needed) == (samples // 100 >= needed)
        if samples // 100 < needed:
            assert frames.frames((samples,)) == samples // 100
    assert model.runs < runs


def test_another_number_of_channels_is_asked_for_anew():
    model = Counting()
    frames = EncoderFrames(model)
    assert frames.frames((200, 2)) == frames.frames((200,)) == 2
    assert model.runs == 2


def test_too_short_for_the_input_layer_is_no_frame(build_model):
    frames = EncoderFrames(build_model(model="espnet"))
    assert frames.frames((400,)) == 0
    assert not frames.reach((400,), 1)
