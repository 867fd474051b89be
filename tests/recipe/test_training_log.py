import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from espnet_gmot.recipe import training_log
from espnet_gmot.recipe.training_log import follow, watch_training

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

    over = steps(lambda: None, rotate, append("one\ntw"), append("o\n"), append("three\n"))
    assert list(follow(log, over)) == ["one", "two", "three"]


def test_epochs_are_told_with_loss_and_error_rate(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    shown, bar = io.StringIO(), io.StringIO()
    with redirect_stdout(shown), redirect_stderr(bar):
        watch_training(log, steps(lambda: log.write_text(FIRST + SECOND)))
    assert "epoch 1/2: train loss=9.1 | valid loss=8.0, cer_ctc=0.7" in shown.getvalue() + bar.getvalue()
    assert "1/2 epochs" in bar.getvalue()
