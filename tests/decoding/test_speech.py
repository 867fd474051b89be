import subprocess
from dataclasses import replace

import kaldiio
import numpy as np
import pytest
import soundfile

from espnet_gmot.decoding.speech_check import Expected
from espnet_gmot.errors import InputError

KEYS = ["u1", "u2", "u3", "u4", "u5"]


@pytest.fixture
def source(wav_scp, model_files):
    from espnet_gmot.decoding.speech import SpeechSource
    from espnet_gmot.trained.load import load_trained_model

    _, args = load_trained_model(*model_files, "cpu")
    return SpeechSource([(str(wav_scp), "speech", "sound")], args)


@pytest.mark.parametrize("workers", [0, 2])
def test_speech_is_read_without_its_padding(source, wav_scp, workers):
    read = dict(source.read(["u1", "u3", "u4"], batch_size=2, num_workers=workers, ngpu=0))
    assert {key: len(speech) for key, speech in read.items()} == {"u1": 8000, "u3": 11200, "u4": 6400}
    expected, _ = soundfile.read(wav_scp.with_name("u4.wav"))
    assert np.allclose(read["u4"].numpy(), expected)


def test_archives_are_read_too(source, tmp_path):
    samples = np.arange(-400, 400, dtype=np.int16)
    flac = {"write_function": "soundfile", "write_kwargs": {"format": "flac", "subtype": "PCM_16"}}
    kaldiio.save_ark(str(tmp_path / "a.ark"), {"u1": (samples, 16000)}, str(tmp_path / "a.scp"), **flac)
    archive = replace(source, data=[(str(tmp_path / "a.scp"), "speech", "kaldi_ark")])
    [(key, speech)] = archive.read(["u1"], batch_size=2, num_workers=0, ngpu=0)
    assert key == "u1"
    assert np.allclose(speech.numpy(), samples / 2**15)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("damage", ["gone", "cut off"])
def test_unreadable_recording_is_named(source, wav_scp, workers, damage):
    recording = wav_scp.with_name("u4.wav")
    recording.unlink() if damage == "gone" else recording.write_bytes(recording.read_bytes()[:20])
    with pytest.raises(InputError, match=r"u4 \(.*/u4.wav\) cannot be read: .*take the utterance out of"):
        list(source.read(KEYS, batch_size=3, num_workers=workers, ngpu=0))


def test_utterances_are_those_of_the_key_file(source, tmp_path):
    assert source.utterances(None) == KEYS
    (tmp_path / "keys").write_text("u5 something\nu4\n")
    keys = source.utterances(str(tmp_path / "keys"))
    assert keys == ["u4", "u5"]  # the data's order, in which ESPnet can read them
    assert [key for key, _ in source.read(keys, batch_size=1, num_workers=0, ngpu=0)] == keys


def test_utterances_without_speech_are_named(source, tmp_path):
    (tmp_path / "keys").write_text("u4\nu9\nu8\n")
    with pytest.raises(InputError, match=r"2 utterances of .*keys are not in .*wav.scp: u9 u8; make the key"):
        source.utterances(str(tmp_path / "keys"))


@pytest.mark.parametrize("line", ["u1", "u3"])
def test_a_byte_order_mark_is_named_with_the_cure(source, wav_scp, line):
    plain = wav_scp.read_text(encoding="utf-8")
    wav_scp.write_text(plain.replace(f"{line} ", f"\ufeff{line} "), encoding="utf-8")
    with pytest.raises(
        InputError, match=r"wav.scp holds a byte-order mark, .*; remove it: sed -i "
    ) as refusal:
        source.utterances(None)
    subprocess.run(["sh", "-c", str(refusal.value).partition("remove it: ")[2]], check=True)
    assert source.utterances(None) == KEYS and wav_scp.read_text(encoding="utf-8") == plain


@pytest.mark.parametrize("name", ["keys", "wav.scp"])
def test_empty_list_is_refused(source, tmp_path, name):
    (tmp_path / name).write_text("")
    with pytest.raises(InputError, match=f"{name} is empty; format the data again"):
        source.utterances(str(tmp_path / "keys") if name == "keys" else None)


def test_wrong_sampling_rate_of_any_recording_is_refused(source, wav_scp):
    samples, _ = soundfile.read(wav_scp.with_name("u4.wav"))
    soundfile.write(wav_scp.with_name("u4.wav"), samples, 8000)
    of_8000 = replace(source, expected=Expected(rate=16000))
    assert [key for key, _ in of_8000.read(["u2", "u3"], 1, 0, 0)] == ["u2", "u3"]
    with pytest.raises(
        InputError, match=r"^u4: .*u4.wav has 8000 Hz, but .* trained on 16000 Hz; .*--fs 16000"
    ):
        list(of_8000.read(KEYS, 1, 0, 0))
    assert len(list(source.read(KEYS, 1, 0, 0))) == len(KEYS)  # a model that does not say its rate


@pytest.mark.parametrize("workers", [0, 2])
def test_all_bad_recordings_are_told_at_once(source, wav_scp, workers):
    samples, rate = soundfile.read(wav_scp.with_name("u2.wav"))
    soundfile.write(wav_scp.with_name("u2.wav"), np.stack([samples, samples], 1), rate)
    wav_scp.with_name("u3.wav").unlink()
    soundfile.write(wav_scp.with_name("u5.wav"), samples * np.nan, rate, subtype="FLOAT")
    with pytest.raises(InputError) as caught:
        list(source.read(KEYS, 2, workers, 0))
    first, *named = str(caught.value).splitlines()
    assert first == "3 of 5 recordings cannot be used:"
    assert [line.split()[0].strip(":") for line in named] == ["u2", "u3", "u5"]
