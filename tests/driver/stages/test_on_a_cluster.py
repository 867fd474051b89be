"""Stages 2 and 3 as jobs of a launcher: what the processes of one machine make, and what a death leaves."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_gmot.data.kaldi_data import write_data_dir
from espnet_gmot.data.kaldi_text import read_table

PYTHON = f"{shlex.quote(sys.executable)} -m espnet_gmot"
HERE = f"{PYTHON} -m espnet_gmot.bin.run_jobs"
SECONDS = 60  # until a test gives up

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A recipe's directory with 40 utterances, named by relative paths; every fourth is of float samples."""
    random, place = np.random.default_rng(0), tmp_path / "recipe"
    (place / "wav").mkdir(parents=True)
    wavs = {f"u{number:02d}": f"wav/{number:02d}.wav" for number in range(40)}
    for number, wav in enumerate(wavs.values()):
        noise = random.uniform(-0.5, 0.5, size=2000 + 50 * number)
        soundfile.write(place / wav, noise, 8000, subtype="PCM_16" if number % 4 else "FLOAT")
        os.utime(place / wav, (1000, 1000))
    for dset in ("train", "dev", "test"):
        chosen = dict(list(wavs.items())[: 40 if dset == "train" else 3])
        write_data_dir(place / "data" / dset, chosen, dict.fromkeys(chosen, "a"), dict.fromkeys(chosen, "s"))
    return place


@pytest.fixture
def start(asr_sh_options: dict[str, str]) -> Start:
    """Start a stage in a recipe's directory as asr.sh does."""

    def start(place: Path, stage: str, train_cmd: str, **options: str) -> subprocess.Popen[str]:
        given = {"train_set": "train", "valid_set": "dev", "test_sets": "test", "ngpu": "0", "fs": "8k"}
        given |= {"train_cmd": train_cmd, "cuda_cmd": HERE, "decode_cmd": HERE, "python": PYTHON, "nj": "3"}
        given |= {"stop_stage": "5"}
        words = [w for pair in (asr_sh_options | given | options).items() for w in (f"--{pair[0]}", pair[1])]
        command = [sys.executable, "-m", "espnet_gmot", "-m", "espnet_gmot.bin.stage", stage, *words]
        return subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


def finish(process: subprocess.Popen[str], status: int = 0) -> str:
    """Wait for a stage and return what it says on stderr."""
    said = process.communicate(timeout=SECONDS)[1]
    assert process.returncode == status, said
    return said


def made(place: Path) -> dict[str, bytes]:
    """The files that stages made, but for logs and for records, which know audio by its time."""
    found = (path for top in ("data", "dump") for path in (place / top).rglob("*") if path.is_file())
    shown = (path for path in found if path.suffix != ".log" and not path.name.startswith("."))
    return {str(path.relative_to(place)): path.read_bytes() for path in shown}


@pytest.mark.parametrize("audio_format", ["flac", "flac.ark"])
def test_jobs_make_what_processes_make_byte_for_byte(corpus, slurm, start, tmp_path, audio_format):
    other = tmp_path / "other"
    subprocess.run(["cp", "-a", corpus, other], check=True)
    options = {"audio_format": audio_format, "speed_perturb_factors": "0.9 1.0"}
    for stage in ("perturb_speed", "format_audio"):
        finish(start(corpus, stage, HERE, **options))
        said = finish(start(other, stage, slurm, **options))
        assert "job(s); log: " in said
    assert made(other) == made(corpus)
    assert any("sp0.9-u39" in name or name.endswith(".ark") for name in made(other))
    logs = {str(path.relative_to(other)) for path in other.rglob("*.log")}
    assert {"data/train_sp/logdir/speed_train_sp.1.log", "dump/raw/test/logdir/format_test.1.log"} <= logs
    assert not list(corpus.rglob("*.log"))


def test_the_faults_of_all_jobs_are_told_together(corpus, slurm, start):
    bad = [f"wav/{number:02d}.wav" for number in (1, 18, 37)]  # one in each chunk
    for wav in bad:
        (corpus / wav).write_bytes(b"no sound")
    said = finish(start(corpus, "format_audio", slurm), 2)
    assert "3 of 40 recordings cannot be used:\n" in said
    told = said.partition("cannot be used:\n")[2].splitlines()
    assert [wav in line for wav, line in zip(bad, told, strict=True)] == [True] * 3


def test_a_job_that_is_killed_is_one_line_that_names_its_log(corpus, slurm, start):
    table = read_table(corpus / "data/train/wav.scp") | {"u20": "kill -9 $PPID; cat wav/20.wav |"}
    write_data_dir(corpus / "data/train", table, dict.fromkeys(table, "a"), dict.fromkeys(table, "s"))
    said = finish(start(corpus, "format_audio", slurm), 2)
    (line,) = [line for line in said.splitlines() if "Error: " in line]
    told = "format train: 1 of 3 jobs ended before they were done; log: "
    assert line.partition("Error: ")[2] == f"{told}dump/raw/org/train/logdir/format_train.2.log"
    assert not (corpus / "dump/raw/org/train/wav.scp").exists()


def test_a_stage_that_is_killed_and_run_again_goes_on(corpus, slurm, start):
    gate = "while ! test -e gate; do sleep 0.1; done; cat wav/39.wav |"
    table = read_table(corpus / "data/train/wav.scp") | {"u39": gate}
    write_data_dir(corpus / "data/train", table, dict.fromkeys(table, "a"), dict.fromkeys(table, "s"))
    stage, folder = (
        start(corpus, "format_audio", slurm, audio_format="flac"),
        corpus / "dump/raw/org/train/data",
    )
    deadline = time.monotonic() + SECONDS
    while len(list(folder.rglob("*.flac"))) < 39:
        assert time.monotonic() < deadline and stage.poll() is None
        time.sleep(0.05)
    stage.send_signal(signal.SIGKILL)
    stage.wait()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("u*.flac")}
    again = start(corpus, "format_audio", slurm, audio_format="flac")
    while len(list(folder.parent.glob("logdir/.aside.*"))) != 1:
        assert time.monotonic() < deadline and again.poll() is None
        time.sleep(0.05)
    (corpus / "gate").touch()
    assert "dump/raw/org/train: 40 utterances at 8000 Hz" in finish(again)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert [path.name for path in folder.parent.glob("logdir/.aside.*")] == []
    assert len(read_table(corpus / "dump/raw/org/train/wav.scp")) == 40
