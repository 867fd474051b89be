"""Which of ESPnet3's shards a stage goes on with."""

import os
import subprocess
import sys

import pytest

from espnet_gmot.driver.freshness import Record
from espnet_gmot.errors import InputError
from espnet_gmot.espnet3 import shards


def make_shard(directory, number, lock=None):
    shard = directory / f"split.{number}"
    shard.mkdir(parents=True)
    (shard / "text.scp").write_text("u1 a\n")
    if lock is not None:
        (shard / "lock").write_text(f"{lock}\n")
    return shard


def test_what_was_made_from_the_same_is_kept_and_from_others_removed(tmp_path):
    first = Record(tmp_path, model="a")
    shards.begin(first, tmp_path / "test")
    shard = make_shard(tmp_path / "test", 0)
    (tmp_path / "test" / "text.scp").write_text("u1 a\n")
    (tmp_path / "test" / "notes.txt").write_text("mine")
    shards.begin(Record(tmp_path, model="a"), tmp_path / "test")
    assert shard.is_dir()
    shards.begin(Record(tmp_path, model="b"), tmp_path / "test")
    assert [path.name for path in (tmp_path / "test").iterdir()] == ["notes.txt"]


def test_shards_without_a_record_are_of_nobody_knows_what(tmp_path):
    make_shard(tmp_path / "test", 0)
    shards.begin(Record(tmp_path, model="a"), tmp_path / "test")
    assert list((tmp_path / "test").iterdir()) == []


def test_a_process_that_runs_keeps_its_shards(tmp_path):
    shards.begin(Record(tmp_path, model="a"), tmp_path / "test")
    shard = make_shard(tmp_path / "test", 0, os.getpid())
    with pytest.raises(InputError, match="split.0/lock: a process that runs makes this from other inputs"):
        shards.begin(Record(tmp_path, model="b"), tmp_path / "test")
    assert shard.is_dir()


def test_a_kill_while_shards_are_removed_leaves_nothing_that_looks_done(tmp_path, monkeypatch):
    first = Record(tmp_path, model="a")
    shards.begin(first, tmp_path / "test")
    make_shard(tmp_path / "test", 0)
    first.finish()

    def killed(_path):
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        shards.begin(Record(tmp_path, model="b"), tmp_path / "test")
    assert not Record(tmp_path, model="a").is_done()


def test_the_lock_of_a_killed_process_is_removed_that_of_a_living_one_stays(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    shards.begin(Record(tmp_path, model="a"), tmp_path / "test")
    dead, empty = make_shard(tmp_path / "test", 0, ended.pid), make_shard(tmp_path / "test", 1, "")
    living = make_shard(tmp_path / "test", 2, os.getpid())
    shards.begin(Record(tmp_path, model="a"), tmp_path / "test")
    assert [(shard / "lock").exists() for shard in (dead, empty, living)] == [False, False, True]
