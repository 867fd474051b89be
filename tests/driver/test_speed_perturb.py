from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_gmot.data.kaldi_data import check_data_dir, write_data_dir, write_table
from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.driver.parallel import Processes
from espnet_gmot.driver.speed_perturb import perturb_speed, resample_to_speed
from espnet_gmot.errors import InputError

Corpus = Callable[..., Path]


def test_ids_speakers_texts_and_durations(make_corpus: Corpus) -> None:
    data = make_corpus()
    target = data.parent / "data_sp"
    assert perturb_speed(data, target, ["0.9", "1.0", "1.1"], "flac", Processes(1)) == 9
    made = check_data_dir(target)
    assert list(made.text)[:2] == ["sp0.9-u1", "sp0.9-u2"]
    assert made.text["sp1.1-u2"] == made.text["u2"] == "ni hao"
    assert (made.utt2spk["sp0.9-u3"], made.utt2spk["u3"]) == ("sp0.9-s", "s")
    assert made.wav_scp["u1"] == read_table(data / "wav.scp")["u1"]
    assert soundfile.info(made.wav_scp["sp0.9-u3"]).frames == pytest.approx(2400 / 0.9, abs=2)
    assert soundfile.info(made.wav_scp["sp1.1-u3"]).frames == pytest.approx(2400 / 1.1, abs=2)


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_speed_multiplies_the_frequency_of_a_tone(factor: float) -> None:
    time = np.arange(16000) / 16000
    tone = (10000 * np.sin(2 * np.pi * 1000 * time)).astype(np.int16)
    faster = resample_to_speed(tone, 16000, factor)
    spectrum = np.abs(np.fft.rfft(faster))
    assert spectrum.argmax() * 16000 / len(faster) == pytest.approx(1000 * factor, abs=2)
    assert np.abs(faster[1000:-1000]).max() == pytest.approx(10000, rel=0.01)


def test_loud_audio_is_clipped_and_does_not_wrap_around() -> None:
    square = np.where(np.arange(8000) // 40 % 2, 32767, -32768).astype(np.int16)
    faster = resample_to_speed(square, 8000, 0.9).astype(float)
    expected = np.where(np.arange(len(faster)) * 0.9 // 40 % 2, 1, -1)
    inside = np.abs(np.arange(len(faster)) * 0.9 % 40 - 20) < 15
    assert (np.sign(faster[inside]) == expected[inside]).all()


def test_segments_are_cut_at_every_speed(make_corpus: Corpus) -> None:
    data = make_corpus()
    write_table(data / "wav.scp", {"long": read_table(data / "wav.scp")["u3"]})
    write_table(data / "segments", {"u1": "long 0 0.1", "u2": "long 0.1 0.2", "u3": "long 0.2 0.3"})
    perturb_speed(data, data.parent / "data_sp", ["1.0", "0.5"], "wav", Processes(1))
    made = check_data_dir(data.parent / "data_sp")
    assert soundfile.info(made.wav_scp["u2"]).frames == 800
    assert soundfile.info(made.wav_scp["sp0.5-u2"]).frames == 1600


@pytest.mark.parametrize(
    "renamed", [{"u1": "u1", "u2": "sp0.9-u1", "u3": "u3"}, {"u1": "u1", "u2": "sp1.1-u3", "u3": "u3"}]
)
def test_ids_that_would_come_twice_are_refused(make_corpus: Corpus, renamed: dict[str, str]) -> None:
    data = make_corpus()
    tables = [
        {renamed[u]: v for u, v in read_table(data / name).items()} for name in ("wav.scp", "text", "utt2spk")
    ]
    write_data_dir(data, *tables)
    with pytest.raises(InputError, match=rf"1 ids would come twice \({renamed['u2']}\)"):
        perturb_speed(data, data.parent / "data_sp", ["0.9", "1.0", "1.1"], "wav", Processes(1))
    assert perturb_speed(data, data.parent / "data_sp", ["0.8", "1.0"], "wav", Processes(1)) == 6


@pytest.mark.parametrize("factors", [["0.9", "fast"], ["0"], ["-1"], ["3"], ["nan"], ["1.0", "1"], []])
def test_senseless_factors_are_refused(make_corpus: Corpus, factors: list[str]) -> None:
    data = make_corpus(n=1)
    with pytest.raises(InputError, match=r"speed factor.*write for example 0.9 1.0 1.1"):
        perturb_speed(data, data.parent / "data_sp", factors, "wav", Processes(1))
    assert not (data.parent / "data_sp").exists()


@pytest.mark.parametrize("audio_format", ["wav", "flac.ark"])
def test_no_id_leads_out_of_the_target(make_corpus: Corpus, audio_format: str) -> None:
    data = make_corpus()
    corpus = sorted(read_table(data / "wav.scp").values())
    ids = [corpus[0].removesuffix(".wav"), "../../../wav/u1", "长" * 100]
    wav_scp = dict(sorted(zip(ids, corpus, strict=True), key=lambda item: item[0].encode()))
    write_data_dir(data, wav_scp, dict.fromkeys(wav_scp, "ni hao"), dict.fromkeys(wav_scp, "s"))
    before = {path: path.read_bytes() for path in data.parent.rglob("*") if path.is_file()}
    target = data.parent / "data_sp"
    assert perturb_speed(data, target, ["0.9", "1.0"], audio_format, Processes(1)) == 6
    after = {path: path.read_bytes() for path in data.parent.rglob("*") if path.is_file()}
    assert {path: after[path] for path in before} == before
    assert all(path.is_relative_to(target) for path in after.keys() - before.keys())
    assert len(set(check_data_dir(target).wav_scp.values())) == 6


@pytest.mark.parametrize("audio_format", ["wav", "flac.ark"])
def test_all_bad_recordings_are_told_once_for_all_speeds(make_corpus: Corpus, audio_format: str) -> None:
    data = make_corpus(n=4)
    for utterance in ("u2", "u4"):
        (data.parent / "wav" / f"{utterance}.wav").write_bytes(b"RIFF no audio")
    with pytest.raises(InputError) as caught:
        perturb_speed(data, data.parent / "data_sp", ["0.9", "1.1"], audio_format, Processes(1))
    first, *named = str(caught.value).splitlines()
    assert first == "2 of 4 recordings cannot be used:"
    assert [line.split(":")[0] for line in named] == ["  utterance u2", "  utterance u4"]


def test_a_recording_inside_the_target_is_not_overwritten(make_corpus: Corpus) -> None:
    data = make_corpus(n=1)
    path = data.parent / "data_sp" / "data" / "sp0.9.1" / "sp0.9-u1.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(Path(read_table(data / "wav.scp")["u1"]).read_bytes())
    write_table(data / "wav.scp", {"u1": str(path)})
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"sp0.9-u1.wav is named in wav.scp and would be overwritten"):
        perturb_speed(data, data.parent / "data_sp", ["0.9"], "wav", Processes(1))
    assert path.read_bytes() == before
