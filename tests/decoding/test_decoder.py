from itertools import groupby

import pytest
import torch

from espnet_gmot.decoding import decoder as module


@torch.no_grad()
def stock_hypothesis(model, speech):
    """Argmax and collapse of ESPnet's own encode, for this utterance alone."""
    hidden, _ = model.encode(speech[None], torch.tensor([len(speech)]))
    log_probs = model.ctc.log_softmax(hidden[0] if isinstance(hidden, tuple) else hidden)[0]
    path = [symbol for symbol, _ in groupby(log_probs.argmax(-1).tolist())]
    return [symbol for symbol in path if symbol != 0], log_probs.amax(-1).sum().item()


def decode(model, speech, batch_size):
    decoder = module.BestPathDecoder(model, batch_size)
    found = {}
    for batch in decoder.decode((str(place), each) for place, each in enumerate(speech)):
        assert len(batch) <= batch_size
        assert not found.keys() & batch.keys()
        found |= batch
    return [found[str(place)] for place in range(len(speech))]


@pytest.mark.parametrize("encoder_conf", [{}, {"rel_pos_type": "legacy"}, {"interctc_layer_idx": [1]}])
@pytest.mark.parametrize("batch_size", [1, 4, 16])
def test_hypotheses_are_those_of_one_utterance_at_a_time(
    encoder_conf, batch_size, trained, speech, monkeypatch
):
    monkeypatch.setattr(module, "READ_AHEAD", 2)
    model = trained(encoder_conf=encoder_conf)
    for each, found in zip(speech, decode(model, speech, batch_size), strict=True):
        if len(each) <= 500:
            assert (found.ids, found.score) == ([], 0.0)
        else:
            ids, score = stock_hypothesis(model, each)
            assert found.ids == ids
            assert found.score == pytest.approx(score, abs=1e-3)


def test_the_models_hypotheses_differ_between_utterances(trained, speech):
    """The test above would say little if they were all alike."""
    found = [tuple(path.ids) for path in decode(trained(), speech, 16) if path.ids]
    assert len(set(found)) >= 8
    assert max(map(len, found)) >= 5


def test_too_short_utterances_are_named(trained, speech, caplog):
    decode(trained(), speech, 4)
    named = [record.getMessage() for record in caplog.records if "too short" in record.getMessage()]
    assert [line.split()[0] for line in sorted(named)] == ["6", "7"]


def test_speech_is_read_no_further_than_the_read_ahead(trained, speech, monkeypatch):
    monkeypatch.setattr(module, "READ_AHEAD", 2)
    read = []

    def utterances():
        for place, each in enumerate(speech):
            read.append(place)
            yield str(place), each

    next(module.BestPathDecoder(trained(), batch_size=2).decode(utterances()))
    assert len(read) == 4
