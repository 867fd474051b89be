import pytest
import torch

SMALL = {"output_size": 16, "attention_heads": 2, "num_blocks": 2}
LINEAR = {**SMALL, "linear_units": 32}
BRANCHES = {**SMALL, "cgmlp_linear_units": 32}
KNOWN = {
    "conformer": ("conformer", {}),
    "conformer, absolute positions": (
        "conformer", {"pos_enc_layer_type": "abs_pos", "selfattention_layer_type": "selfattn"}
    ),
    "conformer, conv2d1": ("conformer", {"input_layer": "conv2d1"}),
    "conformer, conv2d2": ("conformer", {"input_layer": "conv2d2"}),
    "conformer, conv2d6": ("conformer", {"input_layer": "conv2d6"}),
    "conformer, conv2d8": ("conformer", {"input_layer": "conv2d8"}),
    "conformer, linear": ("conformer", {"input_layer": "linear"}),
    "conformer, interctc": ("conformer", {"interctc_layer_idx": [1], "interctc_use_conditioning": True}),
    "e_branchformer": (
        "e_branchformer", {**BRANCHES, "linear_units": 32, "use_ffn": True, "macaron_ffn": True}
    ),
    "e_branchformer, conv1d2": ("e_branchformer", {**BRANCHES, "input_layer": "conv1d2"}),
    "branchformer": ("branchformer", {**BRANCHES, "merge_method": "learned_ave"}),
    "transformer": ("transformer", LINEAR),
}  # fmt: skip
UNKNOWN = {
    "legacy positions": ("conformer", {"rel_pos_type": "legacy"}, "LegacyRelPositionalEncoding"),
    "convolutional positions": (
        "transformer",
        {**LINEAR, "input_layer": "linear", "pos_enc_layer_type": "conv"},
        "ConvolutionalPositionalEmbedding",
    ),
    "recurrent": ("vgg_rnn", {"hidden_size": 8, "output_size": 8, "num_layers": 1}, "VGG2L"),
}  # fmt: skip


def logits_alone(model, speech):
    """Return the logits (T, vocabulary) of stock ``encode``; None for an utterance that it refuses."""
    try:
        with torch.no_grad():
            hidden, _ = model.encode(speech[None], torch.tensor([len(speech)]))
    except Exception as error:
        assert "too short" in str(error) or "Padding size" in str(error)  # noqa: PT017
        return None
    return model.ctc.ctc_lo(hidden[0] if isinstance(hidden, tuple) else hidden)[0]


def logits_together(model, speech):
    """Return the logits (T, vocabulary) of each utterance, from one batch where padding is harmless."""
    from espnet_gmot.decoding.encoder import BatchEncoder

    encoder = BatchEncoder(model)
    features = [encoder.features(each) for each in speech]
    for batch in [features] if encoder.takes_padding else [[each] for each in features]:
        hidden, lengths = encoder.encode(batch)
        yield from model.ctc.ctc_lo(hidden).split(lengths) if sum(lengths) else [None] * len(lengths)


def relative_difference(logits, alone):
    return ((logits - alone).abs().max() / alone.std()).item()


@torch.no_grad()
def largest_difference(model, speech):
    differences = []
    for each, together in zip(speech, logits_together(model, speech), strict=True):
        alone = logits_alone(model, each)
        if alone is None:
            assert together is None or len(together) == 0
        else:
            assert together.shape == alone.shape
            differences.append(relative_difference(together, alone))
    assert len(differences) >= 8
    return max(differences)


@pytest.mark.parametrize("name", KNOWN)
def test_padded_batch_gives_the_logits_of_each_utterance_alone(name, trained, speech):
    from espnet_gmot.decoding.padding import unknown_parts

    encoder, encoder_conf = KNOWN[name]
    model = trained(encoder, encoder_conf)
    assert unknown_parts(model) == []
    assert largest_difference(model, speech) < 1e-4


def test_acoustic_adapter_with_feedback_is_in_it(trained, speech):
    conf = {"projected_side": "acoustic", "teacher_size": 16, "feedback": 0.5}
    model = trained(model="gmot", model_conf={"ctc_weight": 1.0, **conf})
    model.adapter.out.weight.data.mul_(10)
    assert largest_difference(model, speech) < 1e-4
    with_feedback = logits_alone(model, speech[0])
    model.adapter.feedback = 0.0
    assert (logits_alone(model, speech[0]) - with_feedback).abs().max() > 0.1


def test_stock_batch_differs(trained, speech):
    """What the other tests would see if nothing were done about the padding."""
    model = trained()
    pair = [speech[1], speech[8]]
    lengths = torch.tensor([len(each) for each in pair])
    with torch.no_grad():
        hidden, frames = model.encode(torch.nn.utils.rnn.pad_sequence(pair, batch_first=True), lengths)
        stock = model.ctc.ctc_lo(hidden[0, : frames[0]])
    alone = logits_alone(model, pair[0])
    assert stock.shape != alone.shape or relative_difference(stock, alone) > 1e-2


def test_guard_sleeps_outside_decoding(trained, speech):
    from espnet_gmot.decoding.encoder import BatchEncoder

    model = trained()
    before = logits_alone(model, speech[0])
    encoder = BatchEncoder(model)
    encoder.encode([encoder.features(each) for each in speech[:3]])
    assert torch.equal(logits_alone(model, speech[0]), before)


@pytest.mark.parametrize("name", UNKNOWN)
def test_other_encoders_get_no_padding(name, trained, speech, caplog):
    encoder, encoder_conf, part = UNKNOWN[name]
    model = trained(encoder, encoder_conf)
    assert largest_difference(model, speech) < 1e-4
    [line] = [record.getMessage() for record in caplog.records if "equal length" in record.getMessage()]
    assert part in line
