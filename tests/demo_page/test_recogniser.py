"""A transcript's tokens with times and confidences, and pictures of couplings."""

import numpy as np
import pytest
from small_corpus import RATE, TRANSCRIPTS

from espnet_gmot.errors import InputError


def test_times_and_confidences_are_those_of_the_best_path(load, gmot_experiment, noise):
    import torch

    recogniser = load(gmot_experiment)
    found = recogniser.transcribe(noise)
    assert recogniser.rate == RATE
    model = recogniser.model
    with torch.no_grad():
        hidden, _ = model.encode(torch.from_numpy(noise)[None], torch.tensor([len(noise)]))
        posteriors = model.ctc.softmax(hidden)[0]  # (T, vocabulary)
    best = posteriors.max(1)
    assert found.text == "".join(each.token for each in found.tokens)
    assert len(found.tokens) > 0
    shift = 4 * 128 / RATE
    for each in found.tokens:
        frames = slice(round(each.start / shift), round(each.end / shift))
        assert {model.token_list[symbol] for symbol in best.indices[frames].tolist()} == {each.token}
        assert each.confidence == pytest.approx(best.values[frames].mean().item(), abs=1e-4)


def test_a_picture_shows_the_coupling_of_any_text(load, gmot_experiment, noise):
    recogniser = load(gmot_experiment)
    assert recogniser.has_coupling
    pictures = [recogniser.coupling_picture(noise, text) for text in TRANSCRIPTS[:2]]
    for picture in pictures:
        assert picture.dtype == np.uint8
        assert picture.ndim == 3
        assert picture.std() > 10  # not empty
    assert pictures[0].shape != pictures[1].shape  # one row more


def test_a_model_without_gmot_has_no_coupling(load, ctc_experiment, noise):
    recogniser = load(ctc_experiment)
    assert not recogniser.has_coupling
    assert recogniser.transcribe(noise).tokens
    with pytest.raises(InputError, match="was trained without GM-OT, so there is no coupling"):
        recogniser.coupling_picture(noise, TRANSCRIPTS[0])


def test_a_model_that_cannot_serve_is_refused(load, ctc_experiment):
    from espnet_gmot.demo_page.recogniser import Recogniser

    model, args = (loaded := load(ctc_experiment)).model, loaded.train_args
    model.ctc, ctc = None, model.ctc
    with pytest.raises(InputError, match="the model has no CTC"):
        Recogniser(model, args)
    model.ctc, model.frontend = ctc, None
    with pytest.raises(InputError, match="the page shows when tokens are: .*frontend NoneType is not known"):
        Recogniser(model, args)
