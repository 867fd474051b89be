"""local/pretrain_teacher.py: its options, and that it imports without transformers."""

import json
import subprocess
import sys
from pathlib import Path

import pretrain_teacher
import pytest

from espnet_gmot.errors import InputError

LOCAL = Path(__file__).parents[3] / "egs2/mini_mandarin/asr1/local"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def run(*arguments: str | Path) -> str:
        monkeypatch.setattr("sys.argv", ["pretrain_teacher", *map(str, arguments)])
        pretrain_teacher.main()
        return capsys.readouterr().out

    return run


def test_help(command):
    with pytest.raises(SystemExit) as end:
        command("--help")
    assert end.value.code == 0


def test_its_modules_import_without_transformers():
    modules = "masked_lm, masked_text, pretrain, start_vectors"
    code = f"import sys; sys.modules['transformers'] = None; from small_bert import {modules}"
    subprocess.run([sys.executable, "-c", code], cwd=LOCAL, check=True)


def test_pretrain_reads_its_options(command, tmp_path: Path):
    text, out = tmp_path / "teacher.txt", tmp_path / "teacher"
    text.write_text("我们\n天地\n天地人\n", encoding="utf-8")
    small = ["--layers", 1, "--hidden_size", 8, "--heads", 2, "--steps", 2, "--min_count", 1]
    said = command("--text", text, "--out", out, *small)
    assert said.splitlines()[-1].endswith(str(out))
    with pytest.raises(InputError, match="--steps is -1; give a positive number"):
        command("--text", text, "--out", out, "--steps", -1)


def test_a_preset_gives_the_defaults_of_the_other_options(command, tmp_path: Path, capsys):
    text, out = tmp_path / "teacher.txt", tmp_path / "teacher"
    text.write_text("我们\n天地\n天地人\n", encoding="utf-8")
    said = command("--text", text, "--out", out, "--preset", "tiny", "--steps", 2, "--min_count", 1)
    assert f"training a small BERT; log: {out}.partial/pretrain.log" in said
    options = json.loads((out / "metrics.json").read_text())["options"]
    assert (options["layers"], options["hidden_size"], options["steps"]) == (1, 16, 2)
    with pytest.raises(SystemExit):
        command("--text", text, "--out", out, "--preset", "huge")
    assert "choose from" in capsys.readouterr().err
