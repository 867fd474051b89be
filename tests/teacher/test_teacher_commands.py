import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_teachers import change_weights

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


@pytest.fixture
def cached(command, tiny_bert: str, tmp_path: Path):
    """Run cache_teacher over ``text`` once, and give what runs it again with more options."""
    (tmp_path / "text").write_text("utt1 我们爱\nutt2 天地\n", encoding="utf-8")
    (tmp_path / "made").mkdir()

    def run(*more: str | Path) -> str:
        options = {"--teacher": tiny_bert, "--text": tmp_path / "text", "--out": tmp_path / "made" / "cache"}
        options |= {"--projection": tmp_path / "made" / "projection.npz"}
        options |= dict(zip(more[::2], more[1::2], strict=True))
        return command(cache_teacher, *(word for option in options.items() for word in option))

    run()
    return run


def files_in(directory: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of each file: another one in its place shows too."""
    found = {path: path.stat() for path in directory.rglob("*") if path.is_file()}
    return {str(path.relative_to(directory)): (each.st_ino, each.st_mtime_ns) for path, each in found.items()}


def test_with_nothing_to_do_it_ends_without_torch(cached, tiny_bert: str, tmp_path: Path):
    before = files_in(tmp_path)
    assert {"made/cache/.done", "made/cache/teacher.1.ark", "made/projection.npz"} <= before.keys()
    record = json.loads((tmp_path / "made/cache/.done").read_text(encoding="utf-8"))
    assert record["random_init"] == "false"  # as in caches of earlier versions, which are to stay done
    no_torch = "import sys; sys.modules |= {'torch': None, 'transformers': None}; "
    code = no_torch + "from espnet_gmot.bin import cache_teacher; cache_teacher.main()"
    options = ["--teacher", tiny_bert, "--text", tmp_path / "text", "--out", tmp_path / "made" / "cache"]
    options += ["--projection", tmp_path / "made" / "projection.npz"]
    done = subprocess.run([sys.executable, "-c", code, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "2 texts" in done.stdout
    assert files_in(tmp_path) == before


def test_a_changed_transcript_alone_is_embedded(cached, tmp_path: Path):
    before = files_in(tmp_path / "made")
    (tmp_path / "text").write_text("utt1 我们爱\nutt2 天地人\n", encoding="utf-8")
    assert "3 texts" in cached()
    after = files_in(tmp_path / "made")
    assert len(TeacherCache(tmp_path / "made" / "cache").lookup("天地人", "utt2")) == 5
    for name in ("cache/teacher.1.ark", "cache/teacher.1.scp", "projection.npz"):
        assert after[name] == before[name]
    assert (tmp_path / "made/cache/teacher.2.scp").read_text().count("\n") == 1


def test_a_lost_archive_is_made_again_by_the_same_command(cached, tmp_path: Path):
    (tmp_path / "made/cache/teacher.1.ark").unlink()
    cached()
    assert TeacherCache(tmp_path / "made" / "cache").lookup("天地", "utt2").shape == (4, 16)


@pytest.mark.parametrize(("place", "fitted_again"), [("made", True), ("elsewhere", False)])
def test_a_projection_made_from_a_cache_that_is_gone_is_fitted_again(cached, tmp_path, place, fitted_again):
    projection = tmp_path / place / "projection.npz"
    assert (str(projection) in cached("--projection", projection)) == (place == "elsewhere")
    before = files_in(projection.parent)["projection.npz"]
    for path in (tmp_path / "made" / "cache").iterdir():
        path.unlink()
    assert (str(projection) in cached("--projection", projection)) == fitted_again
    assert (files_in(projection.parent)["projection.npz"] != before) == fitted_again


def test_a_teacher_whose_weights_have_changed_in_place_is_refused_and_the_cache_stays(
    cached, other_bert: str, tiny_bert: str, tmp_path: Path
):
    teacher, out = tmp_path / "bert", tmp_path / "made" / "copy"
    shutil.copytree(tiny_bert, teacher)
    cached("--teacher", teacher, "--out", out)
    before = files_in(tmp_path / "made")
    shutil.copy(Path(other_bert) / "model.safetensors", teacher)
    os.utime(teacher / "model.safetensors", (1, 1))
    with pytest.raises(InputError, match=f"{out} holds embeddings of teacher .*, as it is now"):
        cached("--teacher", teacher, "--out", out)
    with pytest.raises(InputError, match="holds embeddings of teacher .* not of .* with random weights"):
        cached("--random_init", "true")
    assert files_in(tmp_path / "made") == before


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--teacher", "teacher nowhere is not on this machine"),
        ("--text", "nowhere does not exist; run stages 1 to 5, or give Kaldi text files"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_made(cached, tmp_path: Path, option: str, message: str):
    with pytest.raises(InputError, match=message):
        cached(option, "nowhere", "--out", tmp_path / "new", "--projection", tmp_path / "new.npz")
    assert {path.name for path in tmp_path.iterdir()} == {"text", "made"}


def test_a_cache_of_an_earlier_version_is_completed_by_its_own_teacher(
    cached, other_bert: str, tmp_path: Path
):
    done = tmp_path / "made/cache/.done"
    done.write_text("as local/cache_teacher.sh wrote it 123 4\n")
    with pytest.raises(InputError, match="holds embeddings of teacher"):
        cached("--teacher", other_bert)
    (tmp_path / "text").write_text("utt1 我们爱\nutt2 天地\nutt3 天地人\n", encoding="utf-8")
    assert "3 texts" in cached()
    assert json.loads(done.read_text(encoding="utf-8"))["layer"] == -1


def test_a_cache_that_an_earlier_version_did_not_check_is_checked_once(
    command, cached, tmp_path: Path, monkeypatch, caplog
):
    done = tmp_path / "made/cache/.done"

    def of_an_earlier_version() -> None:
        record = json.loads(done.read_text(encoding="utf-8"))
        del record["(version)"], record["unknown"]
        done.write_text(json.dumps(record), encoding="utf-8")

    of_an_earlier_version()
    before = files_in(tmp_path / "made")
    cached()
    after = files_in(tmp_path / "made")
    assert [record.message[:6] for record in caplog.records] == ["0.0 % "]
    assert {name for name in after if after[name] != before.get(name)} == {
        "cache/.done", "cache/meta.json", "cache/teacher.scp"
    }  # fmt: skip
    cached()
    assert files_in(tmp_path / "made") == after

    (tmp_path / "text").write_text("u1 hello 我 world\n", encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr("espnet_gmot.teacher.coverage.REFUSED_SHARE", 1)
        cached()
    of_an_earlier_version()
    with pytest.raises(InputError, match="66.7 % of 3 tokens of teacher .* are unknown"):
        cached()


@pytest.mark.parametrize("way", ["cache_teacher", "fit_projection"])
def test_commands_tell_the_share_of_unknown_tokens_and_refuse_most(
    command, tiny_bert: str, tmp_path: Path, caplog, way: str
):
    text, module = tmp_path / "text", importlib.import_module(f"espnet_gmot.bin.{way}")
    options = ["--teacher", tiny_bert, "--text", text, "--out", tmp_path / "made"]
    for number, (transcripts, told) in enumerate(
        [(["我们爱", "天地"], "0.0 % of 5 tokens"), (["我们爱", "天龘", "我们爱"], "20.0 % of 5 tokens")]
    ):
        caplog.clear()
        text.write_text("".join(f"u{n} {line}\n" for n, line in enumerate(transcripts)), encoding="utf-8")
        command(module, *options[:-1], tmp_path / f"made{number}")
        assert [record.message.startswith(told) for record in caplog.records] == [True]
    text.write_text("u1 hello 我 world\n", encoding="utf-8")
    with pytest.raises(InputError, match="66.7 % of 3 tokens of teacher .* are unknown .*choose a teacher"):
        command(module, *options)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("way", ["cache_teacher", "fit_projection"])
def test_commands_refuse_a_teacher_without_its_weights(command, tiny_bert: str, tmp_path: Path, way: str):
    shutil.copytree(tiny_bert, tmp_path / "teacher")
    change_weights(tmp_path / "teacher", lambda weights: {f"module.{n}": w for n, w in weights.items()})
    (tmp_path / "text").write_text("u1 我们爱\n", encoding="utf-8")
    options = ["--teacher", tmp_path / "teacher", "--text", tmp_path / "text", "--out", tmp_path / "made"]
    with pytest.raises(InputError, match="lacks 37 of 39 weights.*take 'module.' off the names"):
        command(importlib.import_module(f"espnet_gmot.bin.{way}"), *options)
    assert not (tmp_path / "made").exists()
