"""The epochs in the logs of a training that was broken off and resumed."""

import os

from espnet_gmot.data.epoch_lines import SECTION, epoch_lines, train_logs

RESULTS = "[train] loss={}, time=1 minute and 2.5 seconds, [valid] cer_ctc=0.25, [att_plot] time=1 second"


def test_epochs_come_log_by_log_the_newest_last_and_their_sections_apart(tmp_path):
    for log, age, epochs in [("train.1.log", 9, {1: 9.5, 2: 8.5}), ("train.log", 0, {2: 8.25, 12: 1.5})]:
        lines = [
            f"(trainer:394) INFO: {epoch}epoch results: {RESULTS.format(epochs[epoch])}" for epoch in epochs
        ]
        (tmp_path / log).write_text("\n".join(["INFO: 3/20epoch started", *lines, ""]))
        os.utime(tmp_path / log, (1e9 - age, 1e9 - age))
    assert [log.name for log in train_logs(tmp_path)] == ["train.1.log", "train.log"]
    assert list(epoch_lines(tmp_path)) == [
        (epoch, RESULTS.format(loss)) for epoch, loss in ((1, 9.5), (2, 8.5), (2, 8.25), (12, 1.5))
    ]
    assert SECTION.findall(RESULTS.format(9.5)) == [
        ("train", "loss=9.5, time=1 minute and 2.5 seconds"),
        ("valid", "cer_ctc=0.25"),
    ]


def test_a_directory_without_logs_has_no_epochs(tmp_path):
    assert list(epoch_lines(tmp_path)) == []
