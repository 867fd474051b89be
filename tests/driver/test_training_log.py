import io
import os
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from espnet_gmot.driver import training_log
from espnet_gmot.driver.training_log import Tail, watch_trainings

FIRST = "… INFO: 1/2epoch started\n… INFO: 1epoch:train:1-20batch: iter_time=0.1, loss=9.5, lr0=1e-3\n"
SECOND = (
    "… INFO: 1epoch results: [train] loss=9.1, time=3 seconds, total_count=20, "
    "[valid] loss=8.0, loss_att=nan, cer_ctc=0.7, time=1 second\n"
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_log, "POLL_SECONDS", 0.0)


def steps(*actions):
    """An ``is_over`` that does one action a poll, and is over when none is left."""
    remaining = list(actions)

    def is_over() -> bool:
        if not remaining:
            return True
        remaining.pop(0)()
        return False

    return is_over


def test_lines_come_whole_and_once_across_rotation(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text("line of an earlier run\n")

    def append(text: str):
        def write() -> None:
            with log.open("a") as stream:
                stream.write(text)

        return write

    def rotate() -> None:
        log.rename(tmp_path / "train.1.log")

    tail, seen = Tail(log), []
    for action in (lambda: None, rotate, append("one\ntw"), append("o\n"), append("three\n")):
        action()
        seen += tail.new_lines()
    assert seen == ["one", "two", "three"]


@pytest.mark.parametrize("rotate", ["rename", "remove", "truncate"])
def test_a_log_that_was_begun_before_we_looked_is_told_whole(tmp_path: Path, rotate: str) -> None:
    log = tmp_path / "train.log"
    log.write_text("line of an earlier run, and a long one\n")
    os.utime(log, (100, 100))
    started = time.time() - 60
    if rotate == "rename":
        log.rename(tmp_path / "train.1.log")
    elif rotate == "remove":
        log.unlink()
    log.write_text("one\n")
    tail = Tail(log, started)
    assert tail.new_lines() == ["one"]
    with log.open("a") as stream:
        stream.write("two\n")
    assert tail.new_lines() == ["two"]


def test_a_file_that_takes_the_number_of_a_removed_one_is_another(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text("line of an earlier run\n")
    os.utime(log, (100, 100))
    tail = Tail(log, time.time())
    assert tail.new_lines() == []
    log.write_text("a first line\n")  # the same number
    assert tail.new_lines() == ["a first line"]
    log.write_text("new\n")
    assert tail.new_lines() == ["new"]


def test_epochs_are_told_with_loss_and_error_rate(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    shown, bar = io.StringIO(), io.StringIO()
    with redirect_stdout(shown), redirect_stderr(bar):
        watch_trainings([log], steps(lambda: log.write_text(FIRST + SECOND)))
    assert "epoch 1/2: train loss=9.1 | valid loss=8.0, cer_ctc=0.7" in shown.getvalue() + bar.getvalue()
    assert "1/2 epochs" in bar.getvalue()


def test_a_training_that_had_ended_before_is_said_to_have(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    line = "[host] 2025-01-01 (trainer:248) WARNING: The training has already reached at max_epoch: 4\n"
    shown = io.StringIO()
    with redirect_stderr(shown):
        watch_trainings([log], steps(lambda: log.write_text(line)))
    assert "was trained before | 3/3 epochs" in shown.getvalue()


def test_trainings_side_by_side_are_told_apart(tmp_path: Path) -> None:
    logs = [tmp_path / name / "train.log" for name in ("asr_ctc", "asr_gmot")]
    for log in logs:
        log.parent.mkdir()
    shown = io.StringIO()
    with redirect_stdout(shown), redirect_stderr(shown):
        actions = [lambda: logs[0].write_text(FIRST + SECOND), lambda: logs[1].write_text(FIRST)]
        watch_trainings(logs, steps(*actions))
    assert "asr_ctc: epoch 1/2: train loss=9.1" in shown.getvalue()
    assert "asr_gmot: epoch 1, batch 20: loss=9.5" in shown.getvalue()
    assert "asr_gmot: epoch 1/2" not in shown.getvalue()
