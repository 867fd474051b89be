"""A file that is missing, empty or a directory, a senseless number: each command says so and ends."""

import importlib
import signal
import sys
from pathlib import Path

import pytest

from espnet_gmot.bin import _command

MODEL = "--asr_train_config {config} --asr_model_file {model}"
GREEDY = f"asr_ctc_greedy {MODEL} --data_path_and_name_and_type text,speech,sound --output_dir out"
TEACHER = "--teacher {teacher} --text text"
CALLS = [
    ("score --ref {} --hyp text --utt2spk utt2spk --out out", "{}"),
    ("score --ref text --hyp {} --utt2spk utt2spk --out out", "{}"),
    ("score --ref text --hyp text --utt2spk {} --out out", "{}"),
    ("compare --experiment a=exp --decode d --sets test --published {}", "{}"),
    ("export --asr_train_config {} --asr_model_file text --out out", "{}"),
    ("export --asr_train_config text --asr_model_file {} --out out", "text holds no keys"),
    ("asr_ctc_greedy --asr_train_config {} --asr_model_file text --data_path_and_name_and_type a,b,c "
     "--output_dir out", "{}"),
    ("asr_ctc_greedy --asr_train_config text --asr_model_file {} --data_path_and_name_and_type a,b,c "
     "--output_dir out", "{}"),
    ("fit_projection --teacher {teacher} --text {} --out out.npz", "{}"),
    ("fit_projection --cache {} --out out.npz", "{}/meta.json"),
    ("cache_teacher --teacher {teacher} --text {} --out out", "{}"),
    ("cache_teacher --teacher {teacher} --text text {} --out out", "{}"),
    ("teacher_from_wheel --vocabulary chinese --out out --wheel {}", "{}"),
    ("plot_coupling --experiment A=exp --data {} --out out.png", "{}/text"),
    ("measure_gradients --experiment {} --out out.json", "{}/config.yaml"),
    ("measure_coupling --experiment exp --data data --ctm {} --out out.json", "{}"),
    ("measure_coupling --experiment {} --data data --out out.json", "{}/config.yaml"),
]  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A directory with two tables, an empty file and empty directories."""
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("u1 你好\nu2 好人\n", encoding="utf-8")
    Path("utt2spk").write_text("u1 s\nu2 s\n")
    Path("empty").touch()
    for name in ("directory", "exp"):
        Path(name).mkdir()
    return tmp_path


@pytest.fixture
def ended(place, monkeypatch, capsys, teacher_dir):
    """Call a command in this process, and give what it says at its end."""

    def call(line, **values):
        name, *words = line.split()
        words = [word.format(values.get("bad", ""), teacher=teacher_dir) for word in words]
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *words])
        with pytest.raises(SystemExit) as end:
            _command.run(importlib.import_module(f"espnet_gmot.bin.{name}").main)
        said = end.value.code if isinstance(end.value.code, str) else capsys.readouterr().err.splitlines()[-1]
        assert end.value.code != 0
        return said

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield call
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("bad", ["missing", "empty", "directory"])
@pytest.mark.parametrize(("line", "named"), CALLS)
def test_a_bad_file_is_named_in_one_line(ended, line, named, bad):
    said = ended(line, bad=bad)
    assert "\n" not in said
    assert named.format(bad) in said and ".py: error: " in said
    assert not list(Path().rglob("*.npz")) and not Path("out").exists()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("run_jobs --gpu -1 log true", "argument --gpu: '-1' is no whole number from 0 up"),
        ("run_jobs --num_threads 0 log true", "argument --num_threads: '0' is no whole number from 1 up"),
        ("run_jobs --max_jobs_run -1 log true", "argument --max_jobs_run: '-1' is no whole number from 1 up"),
        ("run_jobs directory true", "directory: Is a directory; a directory stands where a file has to be"),
        ("run_jobs text/log true", "text: File exists; a file stands where a directory has to be"),
        ("run_jobs log no-such-program", "cannot start no-such-program"),
        (f"fit_projection {TEACHER} --max_texts 0 --out o.npz", "argument --max_texts: '0' is no whole"),
        (f"fit_projection {TEACHER} --out directory", "directory: Is a directory; a directory stands"),
        (f"cache_teacher {TEACHER} --batch_bins 0 --out out", "argument --batch_bins: '0' is no whole"),
        (
            f"cache_teacher {TEACHER} --out text",
            "text: File exists; a file stands where a directory has to be",
        ),
        (f"cache_teacher {TEACHER} --out out --projection directory", "directory is a directory and no file"),
        (f"cache_teacher {TEACHER} --out out --projection empty", "empty is empty; remove it"),
        ("plot_coupling --experiment exp --data directory --out x.png", "'exp' is not TITLE=EXPDIR"),
        ("new_recipe text", "text exists already; name a directory that does not"),
        ("score --ref text --hyp text --utt2spk utt2spk --out text", "text: File exists; a file stands"),
        ("stage results_page --expdir missing --out directory", "missing"),
    ],
)
def test_other_bad_arguments(ended, line, told):
    assert told in ended(line)
