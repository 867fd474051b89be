from functools import partial

import pytest
import torch
from espnet2.torch_utils.load_pretrained_model import load_pretrained_model
from small_training import framed_rows, teacher_of, with_token_ids

from espnet_gmot.errors import InputError

STATISTICS = {
    "loss", "loss_ctc", "loss_fgw", "loss_align", "fgw_node", "fgw_edge",
    "marginal_error", "coupling_entropy", "token_spread",
}  # fmt: skip


def align(model, batch):
    """Return the alignment of each block."""
    encoded = model.encode_batch(batch["speech"], batch["speech_lengths"])
    return model.align(encoded, *teacher_of(batch))


def trained_parameters(model):
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize("encoder", ["conformer", "e_branchformer", "transformer"])
def test_any_encoder_trains_every_parameter(build_model, batch, encoder):
    model = build_model(encoder=encoder).train()
    loss, stats, weight = model(**batch)
    loss.backward()
    assert stats.keys() >= STATISTICS
    assert weight.item() == 3
    without = {name for name, p in model.named_parameters() if p.grad is None}
    assert not without, "DDP stops at parameters without a gradient"
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_the_options_in_use_are_logged_defaults_too(build_model, caplog):
    caplog.set_level("INFO")
    build_model({"alpha": 0.25})
    assert "alignment: AlignmentOptions(" in caplog.text
    assert "alpha=0.25" in caplog.text
    assert "temporal_prior_weight=0.0" in caplog.text


def test_loss_is_espnets_plus_the_weighted_alignment(build_model, batch):
    weights = {"fgw_weight": 2.0, "align_weight": 0.5}
    model = build_model(weights).eval()
    stock = build_model(model="espnet").eval()
    stock.load_state_dict({k: v for k, v in model.state_dict().items() if k != "align_steps"})
    loss, stats, _ = model(**batch)
    expected, stock_stats, _ = stock(**{k: v for k, v in batch.items() if "teacher" not in k})
    torch.testing.assert_close(stats["loss_ctc"], stock_stats["loss_ctc"])
    torch.testing.assert_close(loss, expected + 2.0 * stats["loss_fgw"] + 0.5 * stats["loss_align"])
    torch.testing.assert_close(stats["loss"], loss.detach())


def test_alignment_terms_are_the_weighted_costs_of_the_coupling(build_model, batch):
    model = build_model({"fgw_weight": 2.0, "align_weight": 0.5, "alpha": 0.3}).eval()
    encoded = model.encode_batch(batch["speech"], batch["speech_lengths"])
    terms, _ = model.alignment_terms(encoded, *teacher_of(batch))
    output = align(model, batch)[""]  # the last block
    torch.testing.assert_close(terms["node"], 2.0 * 0.7 * output.loss_node)
    torch.testing.assert_close(terms["edge"], 2.0 * 0.3 * output.loss_edge)
    torch.testing.assert_close(terms["projection"], 0.5 * output.loss_align)
    torch.testing.assert_close(output.loss_fgw, 0.7 * output.loss_node + 0.3 * output.loss_edge)


def test_alignment_is_that_of_the_batch_it_is_given(build_model, batch):
    model = build_model().eval()
    teacher = teacher_of(batch)
    other = torch.randn(3, 9600, generator=torch.Generator().manual_seed(1))
    first = model.encode_batch(batch["speech"], batch["speech_lengths"])
    alone = model.align(first, *teacher)[""]
    second = model.encode_batch(other, batch["speech_lengths"])
    again = model.align(first, *teacher)[""]
    torch.testing.assert_close(again.plan, alone.plan)
    assert not torch.allclose(model.align(second, *teacher)[""].plan, alone.plan)


def test_zero_weights_give_espnets_gradient(build_model, batch):
    model = build_model({"fgw_weight": 0.0, "align_weight": 0.0}).eval()
    stock = build_model(model="espnet").eval()
    stock.load_state_dict({k: v for k, v in model.state_dict().items() if k != "align_steps"})
    model(**batch)[0].backward()
    stock(**{k: v for k, v in batch.items() if "teacher" not in k})[0].backward()
    for (name, ours), theirs in zip(model.named_parameters(), stock.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, msg=name)


def test_alignment_reaches_the_encoder_and_not_the_ctc_head(build_model, batch):
    model = build_model().eval()
    output = align(model, batch)[""]  # the last block
    (output.loss_fgw + output.loss_align).backward()
    assert model.encoder.after_norm.weight.grad.abs().sum() > 0
    assert model.ctc.ctc_lo.weight.grad is None


def test_hybrid_keeps_the_decoder(build_model, batch):
    model = build_model({"ctc_weight": 0.3}, decoder="transformer").train()
    loss, stats, _ = model(**batch)
    loss.backward()
    assert stats["loss_att"].item() > 0
    assert model.decoder.output_layer.weight.grad.abs().sum() > 0


def test_teacher_stays_outside_the_module_tree(build_model, batch, teacher_dir):
    model = build_model({"teacher": str(teacher_dir)}).train()
    before = set(model.state_dict()), trained_parameters(model)
    model(**with_token_ids(batch))[0].backward()
    assert (set(model.state_dict()), trained_parameters(model)) == before
    assert not model.teacher_input._teacher._model.training
    assert all(p.grad is None for p in model.teacher_input._teacher._model.parameters())


def test_without_feedback_the_checkpoint_is_a_stock_one(build_model):
    ours, stock = build_model().state_dict(), build_model(model="espnet").state_dict()
    assert ours.keys() - stock.keys() == {"align_steps"}


def test_adapter_with_feedback_changes_what_ctc_sees(build_model, batch):
    conf = {"projected_side": "acoustic", "teacher_size": 16, "feedback": 0.5}
    model = build_model(conf).eval()
    plain, _ = super(type(model), model).encode(batch["speech"], batch["speech_lengths"])
    hidden, _ = model.encode(batch["speech"], batch["speech_lengths"])
    torch.testing.assert_close(hidden, model.adapter(plain)[1])
    assert (hidden - plain).abs().max() > 1e-3
    model.train()(**batch)[0].backward()
    assert all(p.grad is not None for p in model.parameters())


def test_nonblank_frame_marginal_uses_the_ctc_posterior(build_model, batch):
    conf = {"frame_marginal": "nonblank", "alpha": 0.0, "scheme": "entropic", "epsilon": 1.0}
    conf["temporal_prior_weight"] = 0.0
    model = build_model(conf).eval()
    inputs = (batch["speech"], batch["speech_lengths"], *teacher_of(batch))
    mass = model.coupling(*inputs)[0].plan.sum(2)  # (batch, T)
    with torch.no_grad():
        hidden, lengths = model.encode(*inputs[:2])
        weight = 1.1 - model.ctc.softmax(hidden)[..., 0]
    length = int(lengths[2])
    torch.testing.assert_close(
        mass[2, :length], weight[2, :length] / weight[2, :length].sum(), atol=1e-3, rtol=0
    )


def test_warmup_counts_training_batches_and_survives_a_restart(build_model, batch):
    model = build_model({"warmup_steps": 4})
    scales = []
    for _ in range(3):
        _, stats, _ = model.train()(**batch)
        alignment = stats["loss_fgw"] + stats["loss_align"]
        scales.append(((stats["loss"] - stats["loss_ctc"]) / alignment).item())
    assert scales == pytest.approx([0.25, 0.5, 0.75], abs=1e-3)
    resumed = build_model({"warmup_steps": 4})
    resumed.load_state_dict(model.state_dict())
    _, stats, _ = model.eval()(**batch)
    assert model.align_steps.item() == resumed.align_steps.item() == 3
    torch.testing.assert_close(  # validation has the full weight, whatever the epoch
        stats["loss"], stats["loss_ctc"] + stats["loss_fgw"] + stats["loss_align"]
    )


def test_fine_tuning_may_begin_the_warmup_anew(build_model, batch, tmp_path):
    trained = build_model({"warmup_steps": 4})
    trained.train()(**batch)
    path = str(tmp_path / "model.pth")
    torch.save(trained.state_dict(), path)
    for init_param, steps in ((path, 1), (f"{path}:::align_steps", 0)):
        model = build_model({"warmup_steps": 4})
        load_pretrained_model(init_param, model, ignore_init_mismatch=False)
        assert model.align_steps.item() == steps
        torch.testing.assert_close(model.ctc.ctc_lo.weight, trained.ctc.ctc_lo.weight)
    load_pretrained_model(f"{path}:::align_steps", build_model(model="espnet"), ignore_init_mismatch=False)


@pytest.fixture
def build_hierarchical(build_model):
    """Build a model of three blocks that gives the outputs of blocks 1 and 2 too."""

    def build(model_conf=None, encoder="conformer", **encoder_conf):
        conf = {"output_size": 8, "attention_heads": 2, "linear_units": 16, "num_blocks": 3}
        conf |= {"rel_pos_type": "latest", "interctc_layer_idx": [1, 2], **encoder_conf}
        if encoder == "e_branchformer":
            conf["cgmlp_linear_units"] = 16
        return build_model(model_conf, encoder=encoder, encoder_conf=conf)

    return build


def test_intermediate_outputs_are_espnets_alone_without_their_weight(build_hierarchical, batch):
    _, stats, _ = build_hierarchical({"interctc_weight": 0.5}).train()(**batch)
    assert {"loss_interctc_layer1", "loss_fgw"} <= stats.keys()
    assert "loss_fgw_layer1" not in stats


@pytest.mark.parametrize("encoder", ["conformer", "e_branchformer"])
@pytest.mark.parametrize("interctc_weight", [0.0, 0.5])
def test_hierarchical_loss_is_the_weighted_sum_over_blocks(
    build_hierarchical, batch, encoder, interctc_weight
):
    conf = {"fgw_weight": 2.0, "align_weight": 0.5, "interctc_weight": interctc_weight}
    aligned = build_hierarchical({**conf, "intermediate_weight": 0.3}, encoder).eval()
    last_alone = build_hierarchical(conf, encoder).eval()
    last_alone.load_state_dict(aligned.state_dict())
    loss, stats, _ = aligned(**batch)
    added = sum(2.0 * stats[f"loss_fgw_layer{n}"] + 0.5 * stats[f"loss_align_layer{n}"] for n in (1, 2))
    torch.testing.assert_close(loss, last_alone(**batch)[0] + 0.3 * added)
    assert stats["coupling_entropy_layer1"] != stats["coupling_entropy"]


def test_contrastive_loss_counts_at_every_block(build_hierarchical, batch):
    conf = {"contrastive_weight": 0.2, "intermediate_weight": 0.3}
    model = build_hierarchical(conf).eval()
    without = build_hierarchical({"intermediate_weight": 0.3}).eval()
    without.load_state_dict(model.state_dict())
    (loss, stats, _), (expected, stats_without, _) = model(**batch), without(**batch)
    added = stats["loss_contrastive"] + 0.3 * sum(stats[f"loss_contrastive_layer{n}"] for n in (1, 2))
    torch.testing.assert_close(loss, expected + 0.2 * added)
    assert stats.keys() - stats_without.keys() == {
        "loss_contrastive", "loss_contrastive_layer1", "loss_contrastive_layer2",
    }  # fmt: skip


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_monotonic_coupling_and_contrastive_loss_train_every_parameter(build_model, batch, alpha):
    conf = {"coupling": "monotonic", "contrastive_weight": 0.1, "alpha": alpha}
    model = build_model(conf).train()
    loss, stats, _ = model(**batch)
    loss.backward()
    assert {"loss_fgw", "loss_contrastive", "marginal_error"} <= stats.keys()
    assert stats["marginal_error"].item() < 1e-5
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_intermediate_block_is_aligned_as_the_last_is(build_hierarchical, batch):
    model = build_hierarchical({"intermediate_weight": 0.3}).eval()
    _, stats, _ = model(**batch)
    (_, intermediate), lengths = model.encode(batch["speech"], batch["speech_lengths"])
    number, output = intermediate[0]
    is_text = batch["teacher_rows"][..., 2] == 1
    alone = model.criterion_align(output, lengths, batch["teacher"], batch["teacher_lengths"], is_text)
    torch.testing.assert_close(stats[f"loss_fgw_layer{number}"], alone.loss_fgw.detach()[None])
    torch.testing.assert_close(stats[f"loss_align_layer{number}"], alone.loss_align.detach()[None])


def test_intermediate_alignment_reaches_its_block_and_none_above(build_hierarchical, batch):
    model = build_hierarchical({"intermediate_weight": 0.3}).eval()
    lower = align(model, batch)["_layer1"]
    (lower.loss_fgw + lower.loss_align).backward()
    first, second, _ = model.encoder.encoders
    assert first.feed_forward.w_1.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in second.parameters())


def test_blocks_share_the_adapter(build_hierarchical, batch):
    conf = {"projected_side": "acoustic", "teacher_size": 16, "feedback": 0.5, "intermediate_weight": 0.3}
    model = build_hierarchical(conf).train()
    loss, stats, _ = model(**batch)
    loss.backward()
    assert {"loss_fgw_layer1", "loss_fgw_layer2"} <= stats.keys()
    assert all(p.grad is not None for p in model.parameters())
    lifts = [name for name in model.state_dict() if name.endswith("lift.0.weight")]
    assert lifts == ["adapter.lift.0.weight"]


def test_pictures_show_the_last_block(build_hierarchical, batch):
    model = build_hierarchical({"intermediate_weight": 0.3}).eval()
    inputs = (batch["speech"], batch["speech_lengths"], *teacher_of(batch))
    _, stats, _ = model(**batch)
    torch.testing.assert_close(model.coupling(*inputs)[0].loss_fgw.detach()[None], stats["loss_fgw"])


def test_intermediate_weight_needs_intermediate_outputs(build_model, build_hierarchical):
    with pytest.raises(InputError, match="intermediate_weight is 0.3.*encoder_conf: interctc_layer_idx"):
        build_model({"intermediate_weight": 0.3})
    with pytest.raises(InputError, match="leave out postencoder and encoder_conf: ctc_trim"):
        build_hierarchical({"intermediate_weight": 0.3}, ctc_trim=True)


def test_data_parallel_is_refused(build_model, batch):
    replica = build_model()._replicate_for_data_parallel()
    with pytest.raises(InputError, match="--multiprocessing_distributed true"):
        replica(**batch)


def test_feedback_is_refused_where_streaming_would_lack_it(build_model):
    conf = {"output_size": 8, "attention_heads": 2, "linear_units": 16, "num_blocks": 1}
    build = partial(build_model, encoder="contextual_block_conformer", encoder_conf=conf)
    build({"projected_side": "acoustic", "teacher_size": 16})
    with pytest.raises(InputError, match="feedback is not in what ESPnet's streaming decoding calls"):
        build({"projected_side": "acoustic", "teacher_size": 16, "feedback": 0.5})


def test_utterance_without_a_frame_is_named(build_model, batch, monkeypatch):
    model = build_model()
    encode_batch = model.encode_batch

    def encode_without_the_last(speech, speech_lengths):
        encoded = encode_batch(speech, speech_lengths)
        return encoded._replace(lengths=encoded.lengths * torch.tensor([1, 1, 0]))

    monkeypatch.setattr(model, "encode_batch", encode_without_the_last)
    with pytest.raises(InputError, match="utterance c; raise --min_wav_duration"):
        model(**batch, utt_id=["a", "b", "c"])
    with pytest.raises(InputError, match="utterance number 2 of the batch"):
        model(**batch)


def beside_one_that_ctc_cannot_align(batch):
    """The batch, and its last utterance again with a transcript of more labels than frames."""
    text = torch.full((4, 40), -1)
    text[:3, :5] = batch["text"]
    text[3] = torch.arange(40) % 2 + 2
    teacher = torch.zeros(4, 42, 16)
    teacher[:3, :7] = batch["teacher"]
    teacher[3] = torch.randn(42, 16, generator=torch.Generator().manual_seed(1))
    speech, lengths = (batch[name][[0, 1, 2, 2]] for name in ("speech", "speech_lengths"))
    text_lengths = torch.cat([batch["text_lengths"], torch.tensor([40])])
    return {
        "speech": speech, "speech_lengths": lengths, "text": text, "text_lengths": text_lengths,
        "teacher": teacher, "teacher_lengths": text_lengths + 2, "teacher_rows": framed_rows(text_lengths),
    }  # fmt: skip


@pytest.mark.parametrize("ctc_weight", [1.0, 0.3])
def test_what_ctc_cannot_align_pulls_nothing_and_is_told(build_model, batch, caplog, ctc_weight):
    decoder = None if ctc_weight == 1.0 else "transformer"
    model = build_model({"ctc_weight": ctc_weight}, decoder=decoder).train()
    together = beside_one_that_ctc_cannot_align(batch)
    encoded = model.encode_batch(together["speech"], together["speech_lengths"])
    alone, _ = model.alignment_terms(
        encoded._replace(features=encoded.features[:3], lengths=encoded.lengths[:3]),
        *teacher_of(batch),
    )  # fmt: skip
    alignable = model.alignable(encoded, together["text"], together["text_lengths"])
    assert alignable.tolist() == [True, True, True, False]
    terms, _ = model.alignment_terms(encoded, *teacher_of(together), alignable)
    for name, term in terms.items():
        torch.testing.assert_close(term, 0.75 * alone[name])  # a mean over four
    (gradient,) = torch.autograd.grad(sum(terms.values()), encoded.features, retain_graph=True)
    assert gradient[:3].abs().sum() > 0
    assert (gradient[3] == 0).all()

    loss, stats, _ = model(**together, utt_id=list("abcd"))
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
    assert stats["ctc_impossible"].item() == 0.25
    assert "utterance d. Neither CTC nor the alignment" in caplog.text


def test_a_batch_of_what_ctc_cannot_align_still_trains_every_parameter(build_model, batch):
    model = build_model({"projected_side": "acoustic", "teacher_size": 16}).train()
    together = beside_one_that_ctc_cannot_align(batch)
    loss, stats, _ = model(**{name: value[3:] for name, value in together.items()})
    loss.backward()
    assert stats["ctc_impossible"].item() == 1
    assert loss.item() == 0
    assert all(torch.equal(p.grad, torch.zeros_like(p)) for p in model.parameters())


def test_a_batch_that_ctc_can_align_is_the_same_to_the_last_bit(build_model, batch):
    found = []
    for limited in (True, False):
        model = build_model().train()
        if not limited:
            model.ctc_limit = None
        torch.manual_seed(0)
        loss, stats, _ = model(**{name: value.clone() for name, value in batch.items()})
        loss.backward()
        found.append((loss, [p.grad for p in model.parameters()]))
        assert stats.get("ctc_impossible") == (0 if limited else None)
    (one, gradients), (other, others) = found
    assert torch.equal(one, other)
    assert all(map(torch.equal, gradients, others))


def test_without_ctc_every_utterance_is_aligned(build_model, batch):
    model = build_model({"ctc_weight": 0.0}, decoder="transformer").train()
    _, stats, _ = model(**beside_one_that_ctc_cannot_align(batch))
    assert "ctc_impossible" not in stats


def test_missing_teacher_input_names_the_cure(build_model, batch):
    with pytest.raises(InputError, match="set preprocessor: gmot"):
        build_model()(**{k: v for k, v in batch.items() if "teacher" not in k})


def test_unusable_options_stop_the_build(build_model):
    with pytest.raises(InputError, match="alpha is 2.0"):
        build_model({"alpha": 2.0})
    with pytest.raises(InputError, match="nonblank needs ctc_weight above 0"):
        build_model({"frame_marginal": "nonblank", "ctc_weight": 0.0}, decoder="transformer")
