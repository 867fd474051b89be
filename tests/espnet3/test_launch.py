"""How run.py ends."""

import sys

import pytest
from espnet3_installed import NONE, needs_espnet3
from espnet3_recipes import EGS3

from espnet_gmot.driver.commands import CommandFailed
from espnet_gmot.errors import InputError
from espnet_gmot.espnet3.launch import run_stages

CONF = EGS3 / "mini_mandarin" / "esp2_asr" / "conf"


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        pytest.param(
            "train_tokenizer",
            "dump/raw/train/text does not exist; run the stage create_dataset",
            marks=needs_espnet3,
        ),
        pytest.param("cache_teacher", "cannot start local/teacher.sh", marks=needs_espnet3),
    ],
)
def test_what_is_refused_is_one_line(tmp_path, monkeypatch, stage, message):
    monkeypatch.chdir(tmp_path)
    command = ["run.py", "--stages", stage, "--training_config", str(CONF / "training_gmot.yaml")]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as end:
        run_stages()
    assert str(end.value).startswith("run.py: error: ") and message in str(end.value)
    assert "\n" not in str(end.value)


@pytest.mark.parametrize("kind", [InputError, CommandFailed])
def test_what_espnet3_has_wrapped_is_one_line_too(monkeypatch, kind):
    launch = pytest.importorskip("espnet3.systems.launch", reason=NONE)

    def refuse(*_words, **_options):
        try:
            raise kind("u1 is empty; remove it")
        except kind as error:
            raise RuntimeError("Error in call to target") from error

    monkeypatch.setattr(launch, "launch", refuse)
    with pytest.raises(SystemExit) as end:
        run_stages()
    assert str(end.value).endswith("error: u1 is empty; remove it")


def test_a_bug_is_not_hidden(monkeypatch):
    launch = pytest.importorskip("espnet3.systems.launch", reason=NONE)
    monkeypatch.setattr(launch, "launch", lambda *_words, **_options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_stages()


def test_without_espnet3_it_says_where_it_is(monkeypatch):
    monkeypatch.setitem(sys.modules, "espnet3.systems.launch", None)
    with pytest.raises(SystemExit) as end:
        run_stages()
    assert "ESPnet3 is in ESPnet 202611 and later; run: python3 -m pip install" in str(end.value)
