"""CR-CTC: its loss on known posteriors, and in the model."""

import pytest
import torch
from small_training import teacher_of

from espnet_gmot.consistency import WarpedOnce, consistency_loss, twice
from espnet_gmot.errors import InputError

MASKS = {
    "specaug": "specaug",
    "specaug_conf": {
        "apply_time_warp": False, "apply_freq_mask": True, "freq_mask_width_range": [0, 8],
        "num_freq_mask": 2, "apply_time_mask": True, "time_mask_width_range": [0, 10], "num_time_mask": 2,
    },
}  # fmt: skip
ALONE = {"consistency_weight": 0.2, "fgw_weight": 0.0, "align_weight": 0.0}


def test_the_loss_is_the_symmetric_divergence_summed_over_valid_frames():
    posterior = torch.rand(4, 6, 5, generator=torch.Generator().manual_seed(0)).softmax(-1)
    lengths = torch.tensor([6, 4, 6, 4])
    expected = 0.0
    for utterance, frames in ((0, 6), (1, 4)):
        a, b = posterior[utterance, :frames], posterior[utterance + 2, :frames]
        expected += 0.5 * ((b * (b / a).log()).sum() + (a * (a / b).log()).sum()) / 2
    torch.testing.assert_close(consistency_loss(posterior.log(), lengths), expected)


def test_each_copy_learns_from_the_other_as_it_is():
    """The gradient at a's logits is (softmax(a) − b) / 2: that of half a cross-entropy with target b."""
    logits = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(1), requires_grad=True)
    consistency_loss(logits.log_softmax(-1), torch.tensor([3, 3])).backward()
    a, b = logits.detach().softmax(-1)
    torch.testing.assert_close(logits.grad, torch.stack([(a - b) / 2, (b - a) / 2]))


def test_padding_changes_nothing():
    posterior = torch.rand(4, 6, 5, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
    changed = posterior.clone()
    changed[1, 4:] = changed[3, 4:] = torch.nan
    lengths = torch.tensor([6, 4, 6, 4])
    torch.testing.assert_close(consistency_loss(changed, lengths), consistency_loss(posterior, lengths))


def test_with_nothing_random_the_loss_is_espnets(build_model, batch):
    """With masks of width 0 and no dropout both copies are the same."""
    narrow = {"freq_mask_width_range": [0, 1], "time_mask_width_range": [0, 1]}
    still = MASKS | {"specaug_conf": MASKS["specaug_conf"] | narrow}
    model = build_model(ALONE, **still).train()
    for module in model.modules():
        if isinstance(module, (torch.nn.Dropout, torch.nn.BatchNorm1d)):
            module.eval()
    without = {name: value for name, value in batch.items() if "teacher" not in name}
    loss, stats, _ = model(**without)
    assert stats["loss_consistency"] < 1e-6
    model.specaug = None
    expected, _, _ = model.eval()(**without)
    torch.testing.assert_close(loss, expected, atol=1e-4, rtol=1e-4)


def test_it_trains_every_parameter_without_a_teacher(build_model, batch):
    model = build_model(ALONE, **MASKS).train()
    loss, stats, _ = model(**{name: value for name, value in batch.items() if "teacher" not in name})
    loss.backward()
    assert stats["loss_consistency"] > 0
    assert "loss_fgw" not in stats
    assert not {name for name, parameter in model.named_parameters() if parameter.grad is None}
    torch.testing.assert_close(loss.detach(), stats["loss_ctc"] + 0.2 * stats["loss_consistency"])


def test_with_the_alignment_both_copies_are_aligned(build_model, batch):
    model = build_model({"consistency_weight": 0.2, "fgw_weight": 2.0, "align_weight": 3.0}, **MASKS).train()
    loss, stats, _ = model(**batch)
    terms = 2.0 * stats["loss_fgw"] + 3.0 * stats["loss_align"] + 0.2 * stats["loss_consistency"]
    torch.testing.assert_close(loss.detach(), stats["loss_ctc"] + terms)
    teacher, *_ = map(twice, teacher_of(batch))
    assert len(teacher) == 2 * len(batch["speech"])


def test_validation_sees_each_utterance_once(build_model, batch):
    model, stock = build_model(ALONE, **MASKS).eval(), build_model(model="espnet").eval()
    stock.load_state_dict({k: v for k, v in model.state_dict().items() if k != "align_steps"})
    without = {name: value for name, value in batch.items() if "teacher" not in name}
    loss, stats, weight = model(**without)
    torch.testing.assert_close(loss, stock(**without)[0])
    assert weight.item() == 3 and "loss_consistency" not in stats


def test_a_loss_that_needs_the_teacher_asks_for_it(build_model, batch):
    model = build_model({"consistency_weight": 0.2}, **MASKS).train()
    with pytest.raises(InputError, match="needs the teacher's input; set preprocessor: gmot"):
        model(**{name: value for name, value in batch.items() if "teacher" not in name})


@pytest.mark.parametrize("lengths", [[50, 50], [50, 40]])
def test_time_is_warped_alike_in_both_copies(lengths):
    from espnet2.asr.specaug.specaug import SpecAug

    x = torch.arange(50.0)[None, :, None].expand(2, -1, 3)
    warped, found = WarpedOnce(SpecAug(apply_freq_mask=False, apply_time_mask=False))(
        twice(x), torch.tensor(lengths * 2)
    )
    assert warped[:2].equal(warped[2:]) and not warped[0].equal(x[0])
    assert found.tolist() == lengths * 2
    masked, _ = WarpedOnce(SpecAug(apply_freq_mask=False, time_mask_width_range=[5, 10]))(
        twice(x), torch.tensor(lengths * 2)
    )
    assert not masked[:2].equal(masked[2:])


@pytest.mark.parametrize(
    ("conf", "top_level", "message"),
    [
        ({}, {}, "consistency_weight needs specaug: specaug"),
        ({"consistency_weight": -1.0}, MASKS, "consistency_weight is -1.0 and must be 0 or positive"),
    ],
)
def test_what_it_cannot_compare_is_refused(build_model, conf, top_level, message):
    with pytest.raises(InputError, match=message):
        build_model(ALONE | conf, **top_level)
