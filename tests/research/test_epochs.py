"""Statistics of epochs from ESPnet's log."""

import os

from research.epochs import epoch_statistics

LINE = (
    "[vm] 2026-01-01 00:00:00,000 (trainer:394) INFO: {epoch}epoch results: [train] iter_time=1.5e-04, "
    "loss={loss}, clip=100.000, time=1 minute and 19.23 seconds, total_count=915, [valid] loss_ctc=6.112, "
    "cer_ctc=0.267, acc=nan, time=1.78 seconds, total_count=105, [att_plot] time=1 second\n"
)


def test_a_resumed_training_keeps_the_newest_of_each_epoch(tmp_path):
    (tmp_path / "train.1.log").write_text(LINE.format(epoch=1, loss=9.5) + LINE.format(epoch=2, loss=8.5))
    (tmp_path / "train.log").write_text("noise\n" + LINE.format(epoch=2, loss=8.25))
    os.utime(tmp_path / "train.1.log", (0, 0))
    epochs = epoch_statistics(tmp_path)
    assert list(epochs) == [1, 2]
    assert (epochs[1]["train_loss"], epochs[2]["train_loss"]) == (9.5, 8.25)
    assert epochs[1]["train_iter_time"] == 1.5e-04
    assert epochs[2]["valid_cer_ctc"] == 0.267
    assert not {"valid_acc", "train_time", "att_plot_time"} & epochs[1].keys()
