"""Nothing of a batch is left on the model after its call."""

import gc
import weakref

import pytest
import torch
from small_training import teacher_of, with_token_ids

from espnet_gmot.alignment import AlignmentOutput
from espnet_gmot.errors import InputError

ENCODER = {
    "output_size": 8,
    "attention_heads": 2,
    "linear_units": 16,
    "num_blocks": 3,
    "rel_pos_type": "latest",
    "interctc_layer_idx": [1, 2],
}
ADAPTER = {"projected_side": "acoustic", "teacher_size": 16, "feedback": 0.5, "frame_marginal": "nonblank"}


def run_forward(model, batch):
    model(**batch)[0].backward()


def run_encode(model, batch):
    model.encode(batch["speech"], batch["speech_lengths"])


def run_coupling(model, batch):
    model.coupling(batch["speech"], batch["speech_lengths"], *teacher_of(batch))


def run_until_the_alignment_raises(model, batch):
    with pytest.raises(InputError, match="model_conf names no teacher"):
        model(**with_token_ids(batch))


def run_until_espnets_loss_raises(model, batch):
    def stop(*_):
        raise FloatingPointError

    handle = model.ctc.register_forward_pre_hook(stop)
    with pytest.raises(FloatingPointError):
        model(**batch)
    handle.remove()


@pytest.mark.parametrize("mode", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("conf", [{}, ADAPTER], ids=["plain", "adapter"])
@pytest.mark.parametrize(
    "run",
    [run_forward, run_encode, run_coupling, run_until_the_alignment_raises, run_until_espnets_loss_raises],
)
def test_nothing_of_a_batch_outlives_its_call(build_model, batch, run, conf, mode):
    model = build_model({"intermediate_weight": 0.3, **conf}, encoder_conf=ENCODER).train(mode)
    seen, attributes = [], set(vars(model))

    def note(_module, inputs, output):
        output = vars(output) if isinstance(output, AlignmentOutput) else output
        found = torch.utils._pytree.tree_leaves((inputs, output))
        seen.extend(weakref.ref(each) for each in found if isinstance(each, torch.Tensor))

    watched = [model.encoder, model.encoder.after_norm, model.ctc, model.criterion_align, model.adapter]
    handles = [module.register_forward_hook(note) for module in watched if module is not None]
    run(model, {name: value.clone() for name, value in batch.items()})
    for handle in handles:
        handle.remove()
    for module in model.modules():
        if hasattr(module, "attn"):
            module.attn = None  # where ESPnet's attention leaves its weights, for plots
    gc.collect()
    assert len(seen) > 5
    assert [each() for each in seen if each() is not None] == []
    assert set(vars(model)) == attributes
