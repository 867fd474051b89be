"""Many faults in one message; a full disk, a missing right, a limit: one line, and no half file."""

import errno
import os
import pickle
import resource
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import soundfile
import torch

from espnet_gmot.errors import WHAT_HELPS, InputError, InputErrors, collect_faults, explain, faults_of
from espnet_gmot.files import append_text, naming, write_aside, write_dir_aside

NOISE = np.random.default_rng(0).integers(-3000, 3000, size=100_000, dtype=np.int16)
LIMIT = 20_000  # bytes of a file, less than each writer below wants


def _picture(path):
    figure, axes = plt.subplots()
    axes.imshow(NOISE.reshape(200, 500))
    figure.savefig(path, dpi=300)
    plt.close(figure)


WRITERS = {
    ".wav": lambda path: soundfile.write(path, NOISE, 16000, subtype="PCM_16"),
    ".flac": lambda path: soundfile.write(path, NOISE, 16000, subtype="PCM_16"),
    ".pth": lambda path: torch.save(torch.zeros(100_000), path),
    ".npz": lambda path: np.savez(path, noise=NOISE),
    ".png": _picture,
    ".txt": lambda path: path.write_text("字" * 100_000, encoding="utf-8"),
}


@pytest.fixture
def small_files():
    """Let no file grow beyond LIMIT: the system then refuses to write, as on a full disk."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, former[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, former)


@pytest.fixture
def mounted(tmp_path):
    """A directory in memory with mount options, e.g. ``size=64k`` or ``ro``."""
    place = tmp_path / "disk"
    place.mkdir()
    mounts = []

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "none", place]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"only root may mount a disk: {done.stderr.strip()}")
        mounts.append(place)
        return place

    yield mount
    for place in mounts:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_file_that_cannot_be_written_to_its_end_is_named_and_leaves_nothing(tmp_path, small_files, suffix):
    target = tmp_path / f"made{suffix}"
    with pytest.raises(OSError) as refusal, write_aside(target) as aside:
        WRITERS[suffix](aside)
    assert explain(refusal.value) == (
        f"{target}: File too large; raise the limit on the size of files (ulimit -f) or choose another place"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", WRITERS)
def test_the_same_for_a_file_of_a_directory(tmp_path, small_files, suffix):
    with pytest.raises(OSError) as refusal, write_dir_aside(tmp_path / "model") as aside:
        WRITERS[suffix](aside / f"made{suffix}")
    assert explain(refusal.value).startswith(f"{tmp_path / 'model'}: File too large; ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_disk_that_fills_up(mounted, suffix):
    disk = mounted("size=64k")
    with pytest.raises(OSError) as refusal, write_aside(disk / f"made{suffix}") as aside:
        WRITERS[suffix](aside)
    told = f"{disk}/made{suffix}: No space left on device; free some disk space or choose another place"
    assert explain(refusal.value) == told
    assert list(disk.iterdir()) == []


def test_a_disk_that_cannot_be_written(mounted):
    disk = mounted("ro")
    for place in (disk / "text", disk / "new" / "text"):
        with pytest.raises(OSError) as refusal, write_aside(place):
            pass
        assert explain(refusal.value).endswith("Read-only file system; choose a place that can be written")
        assert str(disk) in explain(refusal.value) and "aside" not in explain(refusal.value)


def test_a_fault_of_ours_while_writing_stays_what_it_is(tmp_path):
    with pytest.raises(AssertionError, match="a bug"), write_aside(tmp_path / "text"):
        raise AssertionError("a bug")
    assert list(tmp_path.iterdir()) == []


def test_an_open_file_that_takes_no_more():
    with pytest.raises(OSError) as refusal:
        append_text(Path("/dev/full"), "a line\n")
    assert explain(refusal.value).startswith("/dev/full: No space left on device; ")


@pytest.mark.parametrize("number", WHAT_HELPS)
def test_what_helps_stands_in_one_line_with_the_file(number):
    with pytest.raises(OSError) as refusal, naming("exp/model"):
        raise OSError(number, os.strerror(number))
    assert explain(refusal.value) == f"exp/model: {os.strerror(number)}; {WHAT_HELPS[number]}"


def test_another_files_name_is_kept():
    with pytest.raises(PermissionError) as refusal, naming("exp/model"):
        raise PermissionError(errno.EACCES, "Permission denied", "data/text")
    assert explain(refusal.value).startswith("data/text: Permission denied; ")


COMMAND = """
import resource, sys
from pathlib import Path
from espnet_gmot.bin import _command, {module}
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
sys.argv[0] = "{module}"
_command.run({module}.main)
"""
SET = {"text": "字" * 20, "utt2spk": "speaker"}


@pytest.fixture
def tables(tmp_path):
    for name, value in SET.items():
        lines = (f"utterance-{number:03d} {value}\n" for number in range(100))
        (tmp_path / name).write_text("".join(lines), encoding="utf-8")
    return tmp_path


def test_a_command_ends_with_one_line_and_leaves_nothing_half(tables):
    words = ["--ref", "text", "--hyp", "text", "--utt2spk", "utt2spk", "--out", "scores"]
    command = [sys.executable, "-c", COMMAND.format(module="score"), *words]
    done = subprocess.run(command, cwd=tables, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("score: error: scores/") and ": File too large; raise the limit" in line
    assert all(path.stat().st_size < 1000 for path in (tables / "scores").iterdir())
    assert not list(tables.rglob(".aside.*"))


def test_a_stage_ends_with_one_line_and_status_2(tables, asr_sh_options):
    given = asr_sh_options | {"train_set": "train", "valid_set": "dev", "test_sets": "test", "ngpu": "0"}
    given |= dict.fromkeys(("train_cmd", "cuda_cmd", "decode_cmd"), "run_jobs") | {
        "stage": "4",
        "stop_stage": "4",
    }
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    for name in ("train", "dev"):
        source = tables / "dump" / "raw" / "org" / name
        source.mkdir(parents=True)
        for table, value in (SET | {"utt2num_samples": "160000", "wav.scp": "x.wav"}).items():
            lines = (f"utterance-{number:03d} {value}\n" for number in range(100))
            (source / table).write_text("".join(lines), encoding="utf-8")
    command = [sys.executable, "-c", COMMAND.format(module="stage"), "filter_lengths", *words]
    done = subprocess.run(command, cwd=tables, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "(asr.sh) Error: dump/raw/train/utt2num_samples: File too large; raise the limit" in line


def _fill(path):
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))
    with write_aside(path) as aside:
        WRITERS[".wav"](aside)


def test_what_stops_a_worker_process_is_told_as_well(tmp_path):
    from espnet_gmot.driver.parallel import Processes, parallel_map

    with pytest.raises(OSError) as refusal:
        parallel_map(_fill, [tmp_path / f"{n}.wav" for n in range(2)], Processes(2), "fill", chunk=1)
    assert explain(refusal.value).endswith(
        ".wav: File too large; raise the limit on the size of files (ulimit -f) or choose another place"
    )
    assert list(tmp_path.iterdir()) == []


def odd(number: int) -> int:
    if number % 2 == 0:
        raise InputError(f"{number} is even")
    return number


def test_what_can_be_used_comes_before_the_faults():
    found = collect_faults(odd, range(5), "5 numbers")
    assert [next(found), next(found)] == [1, 3]
    with pytest.raises(InputErrors, match="^3 of 5 numbers cannot be used:\n  0 is even\n  2 is even\n  4"):
        next(found)


def test_no_fault_is_no_error():
    assert list(collect_faults(odd, [1, 3])) == [1, 3]
    assert list(collect_faults(odd, [])) == []


def test_ten_of_many_are_named():
    error = InputErrors([f"u{n} is empty" for n in range(12)], "7176 recordings")
    assert str(error).splitlines()[0] == "12 of 7176 recordings cannot be used; the first 10:"
    assert str(error).splitlines()[1:] == [f"  u{n} is empty" for n in range(10)]


def test_a_single_fault_is_its_own_message_and_an_equal_one_counts_once():
    assert str(InputErrors(["u1 is empty", "u1 is empty"], "9 recordings")) == "u1 is empty"


def test_faults_of_parts_are_faults_of_the_whole():
    def part(numbers):
        return list(collect_faults(odd, numbers))

    with pytest.raises(InputErrors) as caught:
        list(collect_faults(part, [[0, 1], [3], [2, 4]], "5 numbers"))
    assert faults_of(caught.value) == ["0 is even", "2 is even", "4 is even"]
    assert faults_of(InputError("one")) == ["one"]


def test_faults_cross_from_process_to_process():
    error = pickle.loads(pickle.dumps(InputErrors(["a", "b"], "3 files")))
    assert str(error) == "2 of 3 files cannot be used:\n  a\n  b"


def test_other_errors_end_at_once():
    with pytest.raises(ZeroDivisionError):
        list(collect_faults(lambda number: 1 // number, [0, 1]))
