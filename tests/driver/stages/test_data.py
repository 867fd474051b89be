"""Stages 2 to 4: which audio is made again, and what is said of it."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_gmot.data.kaldi_text import read_table


def test_stages_2_to_4_tell_what_they_made(recipe):
    log = recipe.run(stop_stage=4, speed_perturb_factors="0.5 1.0", audio_format="flac", max_wav_duration=0.9)
    assert "data/train_sp: 2 utterances at speeds 0.5 1.0" in log
    assert "dump/raw/org/train_sp: 2 utterances at 8000 Hz" in log
    assert "dump/raw/train_sp: 1 of 2 utterances kept (1 not shorter than 0.9 s)" in log
    assert list(read_table("dump/raw/train_sp/text")) == ["u1"]
    assert read_table("dump/raw/org/train_sp/utt2num_samples") == {"sp0.5-u1": "8000", "u1": "4000"}


def test_sets_may_lie_in_directories(recipe):
    for dset in ("train", "dev", "test"):
        Path("data/clean").mkdir(exist_ok=True)
        Path(f"data/{dset}").rename(f"data/clean/{dset}")
    sets = {"train_set": "clean/train", "valid_set": "./clean/dev", "test_sets": "clean/test/"}
    log = recipe.run(stop_stage=5, **sets)
    assert "dump/raw/clean/train: 1 of 1 utterances kept" in log
    assert read_table("dump/raw/clean/dev/text") == read_table("data/clean/dev/text")
    assert "dump/raw/clean/test/text: all" in log or "dump/raw/clean/test/text: 1 of" in log


def test_without_factors_there_is_nothing_to_perturb(recipe):
    assert "no --speed_perturb_factors, nothing to do" in recipe.run(stage=2, stop_stage=2)
    assert not Path("data/train_sp").exists()


def test_changed_inputs_are_named_and_that_set_alone_is_made_again(recipe, said_again):
    recipe.run(stop_stage=5)
    Path("data/test/text").write_text("u1 b\n")
    log = recipe.run(stage=2, stop_stage=5)
    assert said_again("dump/raw/test", "text") in log
    assert log.count("have changed (text)") == 1
    for done in ("org/train", "org/dev"):
        assert f"already done (remove dump/raw/{done}/.done to redo)" in log
    assert Path("dump/raw/test/text").read_text() == "u1 b\n"


def test_another_rate_is_named(recipe, said_again):
    recipe.run(stop_stage=3)
    for dset in ("train", "dev", "test"):
        soundfile.write(f"wav/{dset}.wav", [0.0] * 4000, 16000)
    assert said_again("dump/raw/org/train", "--fs, the audio") in recipe.run(stage=3, stop_stage=3, fs="16k")


@pytest.mark.parametrize(("table", "again"), [("text", False), ("wav.scp", True)])
def test_another_transcript_leaves_the_audio(recipe, said_again, table, again):
    for path in Path("wav").iterdir():
        os.utime(path, (1000, 1000))
    recipe.run(stop_stage=3, audio_format="flac", speed_perturb_factors="0.9")
    (faster,) = Path("data/train_sp/data").rglob("*.flac")
    audio = [Path("dump/raw/test/data/format.1/u1.flac"), faster]
    for path in (*audio, Path("dump/raw/test/.done"), Path("data/train_sp/.done")):
        os.utime(path, (1000, 1000))
    for dset in ("train", "test"):
        other = "u1 b\n" if table == "text" else f"u1 wav/{dset}.again.wav\n"
        soundfile.write(f"wav/{dset}.again.wav", np.full(4000, 0.1), 8000)
        Path(f"data/{dset}/{table}").write_text(other)
    log = recipe.run(stage=2, stop_stage=3, audio_format="flac", speed_perturb_factors="0.9")
    changed = "text" if table == "text" else "wav.scp, the audio"
    assert said_again("data/train_sp", changed) in log
    assert said_again("dump/raw/test", changed) in log
    assert "the inputs of dump/raw/org/train_sp have changed" in log  # also where its tables have not
    assert [path.stat().st_mtime > 1000 for path in audio] == [again, again]


def test_a_data_directory_that_is_a_link_is_looked_into(recipe, said_again):
    recipe.run(stop_stage=3)
    Path("data/test").rename("elsewhere")
    Path("data/test").symlink_to("../elsewhere")
    assert "the inputs of" not in recipe.run(stage=3, stop_stage=3)
    Path("elsewhere/text").write_text("u1 b\n")
    assert said_again("dump/raw/test", "text") in recipe.run(stage=3, stop_stage=3)


def test_a_data_directory_may_hold_files_of_any_name(recipe):
    for name in ("directory", "fs", "audio_format", "rate"):
        Path(f"data/train/{name}").write_text("x\n")
    recipe.run(stop_stage=3, speed_perturb_factors="0.9 1.0")
    assert Path("dump/raw/org/train_sp/wav.scp").is_file()
