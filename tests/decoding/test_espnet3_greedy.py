"""Best-path decoding as ESPnet3's inference calls it."""

import pytest
import torch

from espnet_gmot.decoding.decoder import BestPathDecoder
from espnet_gmot.errors import InputError
from espnet_gmot.trained.load import load_trained_model


def test_a_list_gives_what_each_gives_alone(model_files, speech):
    from espnet_gmot.espnet3.greedy import GreedySpeech2Text

    config, checkpoint = map(str, model_files)
    recognise = GreedySpeech2Text(config, checkpoint, batch_size=3)
    waveforms = [each.numpy() for each in speech]
    results = recognise(waveforms)
    expected = {}
    for found in BestPathDecoder(load_trained_model(config, checkpoint)[0]).decode(enumerate(speech)):
        expected |= found
    assert [[ids for _, _, ids, _ in nbest] for nbest in results] == [
        [expected[number].ids] for number in range(len(speech))
    ]
    for waveform, ((text, tokens, ids, score),) in zip(waveforms, results, strict=True):
        ((text_alone, tokens_alone, ids_alone, score_alone),) = recognise(waveform)
        assert (text, tokens, ids) == (text_alone, tokens_alone, ids_alone) and text == "".join(tokens)
        assert score == pytest.approx(score_alone, abs=1e-4)
    assert any(text for ((text, *_),) in results)


def test_more_than_a_window_comes_in_order(model_files):
    from espnet_gmot.espnet3.greedy import GreedySpeech2Text

    recognise = GreedySpeech2Text(*map(str, model_files), batch_size=1)
    waveforms = [torch.randn(2000 + 40 * number).numpy() for number in range(40)]
    assert recognise(waveforms) == [recognise(waveform) for waveform in waveforms]


def test_a_model_that_is_not_there_is_refused(model_files):
    from espnet_gmot.espnet3.greedy import GreedySpeech2Text

    with pytest.raises(InputError, match="nothing.pth does not exist; train the model first"):
        GreedySpeech2Text(str(model_files[0]), "nothing.pth")
