"""Files from outside: what the model hears of them, and what is refused."""

import shutil

import numpy as np
import pytest
import soundfile
from small_corpus import RATE

from espnet_gmot.demo_page.upload import read_upload
from espnet_gmot.errors import InputError


def test_a_file_as_the_model_takes_it_is_not_changed(wav, noise):
    upload = read_upload(wav, RATE)
    assert upload.samples.dtype == np.float32
    np.testing.assert_allclose(upload.samples, noise, atol=1 / 32768)
    assert upload.changes == ""


def test_channels_are_mixed_and_the_rate_is_made_the_models_and_both_are_told(tmp_path):
    time = np.arange(48000) / 48000
    tone = 0.5 * np.sin(2 * np.pi * 440 * time)
    soundfile.write(tmp_path / "tone.flac", np.stack([tone, np.zeros_like(tone)], axis=1), 48000)
    upload = read_upload(tmp_path / "tone.flac", RATE)
    expected = 0.25 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    assert upload.samples.shape == (RATE,)
    np.testing.assert_allclose(upload.samples[500:-500], expected[500:-500], atol=2e-3)
    assert upload.changes == "2 channels were mixed down to one; 48000 Hz were resampled to 16000 Hz"


def test_a_file_that_is_no_audio_is_named_without_its_directory(no_audio):
    with pytest.raises(InputError) as refused:
        read_upload(no_audio, RATE)
    message = str(refused.value)
    assert message.startswith("notes.wav cannot be read as audio (")
    assert message.endswith("; upload another WAV, FLAC, OGG or MP3 file, or record again")


def test_an_empty_file_and_a_long_one_are_refused(tmp_path):
    (tmp_path / "empty.wav").touch()
    with pytest.raises(InputError, match=r"^empty.wav is empty; upload another WAV"):
        read_upload(tmp_path / "empty.wav", RATE)
    soundfile.write(tmp_path / "long.wav", np.full(61 * 8000, 0.1), 8000)
    with pytest.raises(InputError, match=r"^long.wav lasts 61 s, and the page takes 60 s at most; "):
        read_upload(tmp_path / "long.wav", RATE)


def test_what_would_take_much_memory_is_refused_by_its_header(tmp_path):
    soundfile.write(tmp_path / "wide.wav", np.zeros((10, 8)), 192_000)
    with pytest.raises(InputError, match=r"^wide.wav has 8 channels of 192000 Hz, more than it may; upload"):
        read_upload(tmp_path / "wide.wav", RATE)
    endless = tmp_path / "endless.flac"
    soundfile.write(endless, np.zeros(16000), RATE)
    header = bytearray(endless.read_bytes())
    header[21] &= 0xF0  # of STREAMINFO: 36 bits that tell the number of samples, 0 where it is not known
    header[22:26] = bytes(4)
    endless.write_bytes(header)
    with pytest.raises(InputError, match=r"^endless.flac does not say how long it is; upload"):
        read_upload(endless, RATE)


def test_a_name_is_never_run_as_a_command(tmp_path, wav, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("touch run |", "| touch run", "speech.ark:0"):
        shutil.copy(wav, name)
        with pytest.raises(InputError, match="is no name for a recording; rename the file"):
            read_upload(name, RATE)
    assert not (tmp_path / "run").exists()
