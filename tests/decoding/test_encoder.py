import torch


def test_frames_are_counted_as_for_the_utterance_alone(trained, speech):
    from espnet_gmot.decoding.encoder import BatchEncoder

    encoder = BatchEncoder(trained())
    hidden, lengths = encoder.encode([encoder.features(each) for each in speech])
    frames = [len(each) // 128 + 1 for each in speech]
    assert lengths == [max(0, ((count - 1) // 2 - 1) // 2) for count in frames[:7]] + [0, *lengths[8:]]
    assert len(hidden) == sum(lengths)
    assert encoder.subsampling == 4


def test_batch_of_too_short_utterances_is_empty(trained, speech):
    from espnet_gmot.decoding.encoder import BatchEncoder

    encoder = BatchEncoder(trained())
    hidden, lengths = encoder.encode([encoder.features(speech[6]), encoder.features(speech[7])])
    assert (len(hidden), lengths) == (0, [0, 0])


def test_features_are_those_of_the_model(trained, speech):
    from espnet_gmot.decoding.encoder import BatchEncoder

    model = trained()
    features, _ = model.normalize(*model.frontend(speech[0][None], torch.tensor([len(speech[0])])))
    assert torch.equal(BatchEncoder(model).features(speech[0]), features[0])
    assert model.frontend is not None  # encode takes waveforms again
