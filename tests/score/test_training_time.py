"""Training time from what ESPnet's trainer leaves behind."""

import os
from datetime import timedelta

import numpy as np
import pytest
import torch

from espnet_gmot.score.training_time import training_seconds

LINE = (
    "[host] 2025-01-01 00:00:00,000 (trainer:394) INFO: {epoch}epoch results: "
    "[train] iter_time=0.5, loss=9.1, optim_step_time=0.2, train_time=77.0, time={train}, total_count=20, "
    "[valid] loss=9.1, cer_ctc=0.9, time={valid}, total_count=2, gpu_max_cached_mem_GB=1.5, "
    "[att_plot] time=3 hours, total_count=0\n"
)


def save_checkpoint(path, as_time):
    epochs = {
        epoch: {
            "train": {"loss": np.float64(1.5), "time": as_time(100.25 * epoch), "total_count": 20 * epoch},
            "valid": {"time": as_time(10), "total_count": 2},
            "att_plot": {"time": as_time(5000), "total_count": 0},
        }
        for epoch in (1, 2)
    }
    torch.save({"model": {"w": torch.zeros(3)}, "reporter": {"epoch": 2, "stats": epochs}}, path)


@pytest.mark.parametrize(
    "as_time",
    [
        pytest.param(lambda seconds: timedelta(seconds=seconds), id="espnet 202511"),
        pytest.param(lambda seconds: {"__timedelta_seconds__": float(seconds)}, id="espnet 202611"),
    ],
)
def test_the_checkpoint_counts_training_and_validation(tmp_path, as_time):
    save_checkpoint(tmp_path / "checkpoint.pth", as_time)
    assert training_seconds(tmp_path) == pytest.approx(100.25 + 10 + 200.5 + 10)


def write_log(path, age, *lines):
    path.write_text("# python3 -m espnet2.bin.asr_train\n" + "".join(lines))
    os.utime(path, (1e9 - age, 1e9 - age))


def test_without_a_checkpoint_all_logs_are_read_and_a_repeated_epoch_counts_once(tmp_path):
    first = LINE.format(epoch=1, train="1 hour, 2 minutes and 5.5 seconds", valid="30 seconds")
    killed = LINE.format(epoch=2, train="9 hours", valid="1 minute and 1 second")
    again = LINE.format(epoch=2, train="1 day, 1 hour and 1 minute", valid="0.25 seconds")
    write_log(tmp_path / "train.1.log", 60, first, killed)
    write_log(tmp_path / "train.log", 0, again)
    assert training_seconds(tmp_path) == pytest.approx(3725.5 + 30 + 90060 + 0.25)


def test_a_damaged_checkpoint_gives_way_to_the_logs(tmp_path):
    save_checkpoint(tmp_path / "checkpoint.pth", lambda seconds: timedelta(seconds=seconds))
    write_log(tmp_path / "train.log", 0, LINE.format(epoch=1, train="9 seconds", valid="1 second"))
    assert training_seconds(tmp_path) == pytest.approx(320.75)
    os.truncate(tmp_path / "checkpoint.pth", 500)
    assert training_seconds(tmp_path) == pytest.approx(10)


def test_no_training_has_no_time(tmp_path):
    assert training_seconds(tmp_path) is None
