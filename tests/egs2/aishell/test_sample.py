"""The sample's corpus from its two sources, and what the recipe makes of it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from aishell import corpus, sample
from aishell.corpus import prepare_sample
from aishell.sample import DEV, FIRST_SENTENCE, TEST, make_sample, split
from aishell_shape import make_aishell

from espnet_gmot.data.kaldi_data import check_data_dir
from espnet_gmot.errors import InputError

LOCAL = Path(sample.__file__).parents[1]
SENTENCES = 2 * (DEV + TEST)
WORDS = {"cmn-今天.wav": 22050, "cmn-爱.flac": 16000, "银行.wav": 44100}


def tone(path: Path, rate: int, seconds: float = 0.05, channels: int = 1) -> None:
    time = np.arange(int(seconds * rate)) / rate
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = np.repeat(0.3 * np.sin(2 * np.pi * 440 * time)[:, None], channels, axis=1)
    soundfile.write(path, wave, rate)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Two speakers with two commands and the least of sentences each, and three words."""
    folder = tmp_path_factory.mktemp("sources")
    for speaker in ("S0150", "S0252"):
        for number in (1, 2, *range(FIRST_SENTENCE, FIRST_SENTENCE + SENTENCES)):
            path = folder / "sample" / speaker / f"BAC009{speaker}W{number:04d}.wav"
            tone(path, 16000)
            path.with_suffix(".txt").write_text(f"今天 {'很' * (1 + number % 5)}\n", encoding="utf-8")
    for name, rate in WORDS.items():
        tone(folder / "words" / name, rate, 0.5, channels=2)
    for other in ("cmn-一_也_.wav", "README.md", "cmn-abc.wav"):
        (folder / "words" / other).touch()
    return folder


@pytest.fixture(scope="module")
def made(sources, tmp_path_factory):
    out = tmp_path_factory.mktemp("made")
    assert make_sample(sources / "sample", sources / "words", out, 2).startswith("407 recordings in ")
    return out


def test_sets_and_transcripts(made, tmp_path):
    report = prepare_sample(made, tmp_path)
    sets = {name: check_data_dir(tmp_path / f"{name}_sample") for name in ("train", "dev", "test")}
    assert {name: len(each.text) for name, each in sets.items()} == {"train": 207, "dev": 80, "test": 120}
    assert set(sets["test"].utt2spk.values()) == {"S0150", "S0252"}
    train = sets["train"]
    assert {train.text[u] for u, speaker in train.utt2spk.items() if speaker == "S9001"} == {
        "今天",
        "爱",
        "银行",
    }
    assert train.text["BAC009S0150W0001"] == "今天很很"
    assert not set(train.text) & {*sets["dev"].text, *sets["test"].text}
    assert report.splitlines() == [
        "a sample of 407 of the 141925 wavs of AISHELL-1's size",
        *(f"{name}_sample: {n} utterances of {s} speakers in {tmp_path}/{name}_sample"
          for name, n, s in (("train", 207, 3), ("dev", 80, 2), ("test", 120, 2))),
        "dev_sample: 2 of its 2 speakers are in train",
        "test_sample: 2 of its 2 speakers are in train",
    ]  # fmt: skip


def test_recordings_are_mono_16_bit_at_16_khz_and_sound_the_same(made):
    for wav in (made / "data_aishell" / "wav" / "train" / "S9001").glob("*.wav"):
        info = soundfile.info(wav)
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
        assert info.duration == pytest.approx(0.5, abs=0.001)
        samples, _ = soundfile.read(wav)
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        assert spectrum.argmax() * 16000 / len(samples) == pytest.approx(440, abs=3)


def test_a_rerun_writes_no_recording_again(made, sources):
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*.wav")}
    make_sample(sources / "sample", sources / "words", made, 1)
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*.wav")} == before


def test_the_split_does_not_depend_on_what_else_is_there():
    numbers = range(1, 500)
    whole, part = split(numbers, "S0150"), split([n for n in numbers if n != 200], "S0150")
    assert sorted(whole.values()) == ["dev"] * DEV + ["test"] * TEST
    assert min(whole) >= FIRST_SENTENCE
    moved = {n for n in whole.keys() | part.keys() if whole.get(n) != part.get(n)}
    assert len(moved) <= 3  # 200 itself, and one each that moves up into dev and into test
    assert split(numbers, "S0252") != whole


def test_sources_that_are_not_whole_are_named(sources, tmp_path):
    words = sources / "words"
    with pytest.raises(InputError, match="holds no BAC009S….wav; let --sample name"):
        make_sample(words, words, tmp_path, 1)
    with pytest.raises(InputError, match="holds no cmn-….mp3; let --words name"):
        make_sample(sources / "sample", sources, tmp_path, 1)
    tone(tmp_path / "few" / "BAC009S0150W0121.wav", 16000)
    with pytest.raises(InputError, match="speaker S0150 has 1 sentences .* and 200 are needed"):
        make_sample(tmp_path / "few", words, tmp_path, 1)


def test_the_command(sources, tmp_path):
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "cmn-爱.mp3").write_text("404: Not Found")
    options = [
        "--sample",
        sources / "sample",
        "--words",
        tmp_path / "words",
        "--out",
        tmp_path / "out",
        "--nj",
        "1",
    ]
    command = [sys.executable, str(LOCAL / "make_sample.py"), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "cmn-爱.mp3 cannot be read" in done.stderr.splitlines()[-1]


def test_no_sample_and_the_whole_corpus_are_refused(tmp_path, monkeypatch):
    for place in ("", tmp_path):
        with pytest.raises(InputError, match="holds no sample in the layout of AISHELL-1; make one with"):
            prepare_sample(place, tmp_path / "data")
    sizes = {"train": (2, 3), "dev": (1, 3), "test": (1, 3)}
    make_aishell(tmp_path, packed=False, sizes=sizes)
    monkeypatch.setattr(corpus, "WAVS", 12)
    with pytest.raises(InputError, match="is the whole of AISHELL-1: leave out --preset sample"):
        prepare_sample(tmp_path, tmp_path / "data")
