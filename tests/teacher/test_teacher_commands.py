import importlib
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from small_teachers import change_weights

from espnet_gmot.bin import cache_teacher, fit_projection
from espnet_gmot.errors import InputError
from espnet_gmot.teacher.cache import TeacherCache, read_meta
from espnet_gmot.teacher.projection import load_projection

FAKE_CLUSTER = """#!/usr/bin/env bash
# JOB=1:N LOG COMMAND ...: as a cluster's launcher calls them, one after the other
jobs=${1#JOB=1:} log=$2
for job in $(seq "${jobs}"); do
    words=("${@:3}")
    "${words[@]//JOB/${job}}" > "${log//JOB/${job}}" 2>&1 || exit 1
done
"""


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
    assert {"made/cache/.done", "made/cache/teacher.scp", "made/projection.npz"} <= before.keys()
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
    shard = {name for name in before if name.startswith("cache/teacher.") and name != "cache/teacher.scp"}
    (tmp_path / "text").write_text("utt1 我们爱\nutt2 天地人\n", encoding="utf-8")
    assert "3 texts" in cached()
    after = files_in(tmp_path / "made")
    assert len(TeacherCache(tmp_path / "made" / "cache").lookup("天地人", "utt2")) == 5
    for name in (*shard, "projection.npz"):
        assert after[name] == before[name]
    (new,) = (name for name in after.keys() - before.keys() if name.endswith(".scp"))
    assert (tmp_path / "made" / new).read_text().count("\n") == 1


def test_transcripts_come_through_a_pipe_and_add_to_what_is_there(cached, tmp_path: Path):
    with (tmp_path / "more").open("w+", encoding="utf-8") as stdin:
        stdin.write("utt3 天地人\nutt1 我们爱\n")
        stdin.seek(0)
        code = "from espnet_gmot.bin import cache_teacher; cache_teacher.main()"
        options = ["--teacher", read_meta(tmp_path / "made/cache/meta.json").teacher, "--text", "-"]
        options += ["--out", tmp_path / "made/cache"]
        done = subprocess.run(
            [sys.executable, "-c", code, *options], stdin=stdin, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 texts")
    before = files_in(tmp_path / "made")
    assert "3 texts" in cached()  # what the file asked for is done still
    assert files_in(tmp_path / "made") == before


def test_a_pipe_cannot_be_read_twice(cached, tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    projection = tmp_path / "new.npz"
    with pytest.raises(
        InputError, match=f"{projection} is fitted first, and then .*pipe is at its end; give"
    ):
        cached("--text", tmp_path / "pipe", "--projection", projection, "--projected_size", "8")


@pytest.mark.slow
@pytest.mark.parametrize("on_a_cluster", [False, True])
def test_processes_and_jobs_make_the_same_cache(cached, tmp_path: Path, on_a_cluster: bool):
    """2,001 texts are three parts; a launcher that is not one of this machine's stands for a cluster."""
    texts = [first + second + third + fourth for first in "我们爱学语言和" for second in "天地人大小我们"
             for third in "音乐学习天地人" for fourth in "一我们爱学语言"][:2001]  # fmt: skip
    text = tmp_path / "many"
    text.write_text("".join(f"utt{number} {each}\n" for number, each in enumerate(texts)), encoding="utf-8")
    cached("--text", text, "--out", tmp_path / "one", "--dtype", "float32")
    options = ["--nj", "2"]
    if on_a_cluster:
        path = tmp_path / "cluster.pl"
        path.write_text(FAKE_CLUSTER)
        path.chmod(0o755)
        options += ["--cmd", path]
    cached("--text", text, "--out", tmp_path / "two", "--dtype", "float32", *options)
    one, two = (sorted((tmp_path / name).glob("teacher.*.ark")) for name in ("one", "two"))
    assert len(one) == 3 and [ark.name for ark in one] == [ark.name for ark in two]
    for mine, theirs in zip(one, two, strict=True):
        assert mine.read_bytes() == theirs.read_bytes()
    assert len(list((tmp_path / "two" / "log").rglob("teacher_cache.*.log"))) == (2 if on_a_cluster else 0)


def write_anew(path: Path) -> None:
    saved = dict(np.load(path))
    np.savez(path, **saved | {"mean": saved["mean"] + 1})


def test_coordinates_are_made_of_a_projection_that_is_there(cached, tmp_path: Path):
    """The one beside another cache of the same teacher is taken, and stays; a pipe will do then."""
    projection = tmp_path / "made" / "projection.npz"
    before = files_in(tmp_path / "made")["projection.npz"]
    os.mkfifo(tmp_path / "pipe")
    threading.Thread(
        target=(tmp_path / "pipe").write_text,
        args=("utt1 我们爱\n",),
        kwargs={"encoding": "utf-8"},
        daemon=True,
    ).start()
    out = tmp_path / "made" / "coordinates"
    cached("--text", tmp_path / "pipe", "--out", out, "--projected_size", "2", "--projection", projection)
    assert files_in(tmp_path / "made")["projection.npz"] == before
    assert read_meta(out / "meta.json").projection == load_projection(projection).number


def test_coordinates_are_stored_on_request(cached, command, tiny_bert: str, tmp_path: Path):
    projection, out = tmp_path / "new.npz", tmp_path / "coordinates"
    options = ["--projection", projection, "--projected_size", "5", "--out", out]
    assert "5 coordinates in projection" in cached(*options)
    meta = read_meta(out / "meta.json")
    assert (meta.hidden_size, meta.projection) == (5, load_projection(projection).number)
    assert TeacherCache(out).lookup("天地", "utt2").shape == (4, 5)
    before = files_in(tmp_path)
    cached(*options)
    assert files_in(tmp_path) == before
    write_anew(projection)
    with pytest.raises(
        InputError, match="5 coordinates in projection .* not of .*5 coordinates in projection"
    ):
        cached(*options)
    words = ["--teacher", tiny_bert, "--text", tmp_path / "text", *options[2:]]
    with pytest.raises(InputError, match="--projected_size stores coordinates in --projection; name that"):
        command(cache_teacher, *words)


def test_a_lost_archive_is_made_again_by_the_same_command(cached, tmp_path: Path):
    next((tmp_path / "made/cache").glob("teacher.*.ark")).unlink()
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


def test_layers_and_reading_are_asked_for(command, tmp_path: Path):
    from teacher_families import FAMILIES

    teacher = FAMILIES["Qwen2"].save(tmp_path / "teacher")
    text, cache, projection = tmp_path / "text", tmp_path / "cache", tmp_path / "projection.npz"
    text.write_text("utt1 今天很好\nutt2 天气\n", encoding="utf-8")
    chosen = ["--layer", -2, -1, "--context", "repeat", "--pool", "characters"]
    options = ["--teacher", teacher, "--text", text]
    said = command(cache_teacher, *options, *chosen, "--out", cache, "--projection", projection)
    told = f"{teacher}, mean of layers 1 2, text repeated, pooled to characters"
    assert [told in line for line in said.splitlines()] == [True, True]
    assert [len(TeacherCache(cache).lookup(words, "u")) for words in ("今天很好", "天气")] == [4, 2]
    assert load_projection(projection).teacher == TeacherCache(cache).meta.identity
    done = files_in(tmp_path)
    command(cache_teacher, *options, *chosen, "--out", cache, "--projection", projection)
    assert files_in(tmp_path) == done
    with pytest.raises(InputError, match=f"{cache} holds embeddings of teacher {told}, float16, not of"):
        command(cache_teacher, *options, *chosen[:5], "--out", cache)

    command(fit_projection, *options, *chosen, "--out", tmp_path / "online.npz")
    ours, theirs = load_projection(tmp_path / "online.npz"), load_projection(projection)
    assert ours.teacher == theirs.teacher
    np.testing.assert_allclose(ours.mean, theirs.mean, atol=1e-3)  # the cache has half precision


@pytest.mark.parametrize("option", [("--layer", 1), ("--context", "repeat"), ("--pool", "characters")])
def test_a_projection_of_a_cache_has_no_choice_left(command, tmp_path: Path, capsys, option):
    with pytest.raises(SystemExit):
        command(fit_projection, "--cache", tmp_path, *option, "--out", tmp_path / "projection.npz")
    assert "are for --teacher; the vectors of --cache have been chosen" in capsys.readouterr().err


def test_a_repeated_text_is_refused_for_an_encoder(command, tiny_bert: str, tmp_path: Path):
    (tmp_path / "text").write_text("u1 我们爱\n", encoding="utf-8")
    options = ["--teacher", tiny_bert, "--text", tmp_path / "text", "--context", "repeat"]
    for module in (cache_teacher, fit_projection):
        with pytest.raises(InputError, match=f"teacher {tiny_bert} sees both sides of a token"):
            command(module, *options, "--out", tmp_path / "made")
    assert not (tmp_path / "made").exists()
