import importlib
from pathlib import Path

import pytest

from espnet_gmot.bin import cache_teacher, fit_projection
from espnet_gmot.errors import InputError
from espnet_gmot.teacher.cache import TeacherCache
from espnet_gmot.teacher.projection import load_projection


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def run(module, *arguments: str | Path) -> str:
        monkeypatch.setattr("sys.argv", [module.__name__, *map(str, arguments)])
        module.main()
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("name", ["cache_teacher", "fit_projection"])
def test_help(command, name: str):
    with pytest.raises(SystemExit) as end:
        command(importlib.import_module(f"espnet_gmot.bin.{name}"), "--help")
    assert end.value.code == 0


def test_from_text_to_projection(command, tiny_bert: str, tmp_path: Path):
    text, cache, projection = tmp_path / "text", tmp_path / "cache", tmp_path / "projection.npz"
    text.write_text("utt1 我们爱\nutt2 天地\n", encoding="utf-8")
    said = command(cache_teacher, "--teacher", tiny_bert, "--layer", 1, "--text", text, "--out", cache)
    assert said.splitlines()[-1].endswith(str(cache))
    assert TeacherCache(cache).lookup("天地", "utt2").shape == (4, 16)

    said = command(fit_projection, "--cache", cache, "--out", projection)
    assert said.splitlines()[-1].endswith(str(projection))
    assert load_projection(projection).teacher.layer == 1
    command(fit_projection, "--teacher", tiny_bert, "--text", text, "--out", projection)
    assert load_projection(projection).teacher.layer == 2


def test_random_teacher_to_its_own_projection(command, tiny_bert: str, tmp_path: Path):
    text, cache, projection = tmp_path / "text", tmp_path / "cache", tmp_path / "projection.npz"
    text.write_text("utt1 我们爱\nutt2 天地\n", encoding="utf-8")
    options = ["--teacher", tiny_bert, "--text", text, "--out", cache]
    assert "with random weights, layer 2" in command(cache_teacher, *options, "--random_init", "true")
    assert "with random weights, layer 2" in command(fit_projection, "--cache", cache, "--out", projection)
    assert load_projection(projection).teacher.random_init
    with pytest.raises(InputError, match="with random weights, layer 2, float16, not of"):
        command(cache_teacher, *options)


def test_projection_of_a_teacher_needs_text(command, tiny_bert: str, tmp_path: Path, capsys):
    with pytest.raises(SystemExit):
        command(fit_projection, "--teacher", tiny_bert, "--out", tmp_path / "projection.npz")
    assert "--teacher needs --text" in capsys.readouterr().err
