"""The average of the best epochs when a training ends."""

from types import SimpleNamespace

import torch
from espnet3_installed import needs_espnet3

pytestmark = needs_espnet3


def test_the_epoch_that_was_saved_last_counts(tmp_path):
    from espnet3.components.callbacks.default_callbacks import AverageCheckpointsCallback

    from espnet_gmot.espnet3.averaging import AverageAfterLastEpoch

    best = SimpleNamespace(monitor="valid/cer_ctc", best_k_models={})
    callbacks = [AverageCheckpointsCallback(tmp_path, [best]), AverageAfterLastEpoch()]
    trainer, model = SimpleNamespace(callbacks=callbacks, is_global_zero=True), torch.nn.Linear(1, 1)
    for epoch in (1, 2):
        callbacks[0].on_validation_end(trainer, model)  # before Lightning saves
        state = {name: torch.full_like(value, epoch) for name, value in model.state_dict().items()}
        torch.save({"state_dict": state}, tmp_path / f"epoch{epoch}.ckpt")
        best.best_k_models[str(tmp_path / f"epoch{epoch}.ckpt")] = None
    assert torch.load(tmp_path / "valid.cer_ctc.ave_1best.pth")["bias"].item() == 1
    callbacks[1].on_fit_end(trainer, model)
    assert torch.load(tmp_path / "valid.cer_ctc.ave_2best.pth")["bias"].item() == 1.5
