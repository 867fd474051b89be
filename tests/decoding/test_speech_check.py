"""What direct decoding refuses to read."""

from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
from espnet2.train.iterable_dataset import DATA_TYPES

from espnet_gmot.data.audio import Cut, Recording, read_recording
from espnet_gmot.decoding.speech_check import Expected, SpeechCheck
from espnet_gmot.errors import InputError

RATE = 16000
NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, RATE)


def checked(entry: str, kind: str = "sound", expected: Expected | None = None) -> dict[str, np.ndarray]:
    """Read and check an entry as a data-loader worker does."""
    check = SpeechCheck("speech", kind, {"u1": entry}, expected or Expected(rate=RATE), None)
    return check("u1", {"speech": DATA_TYPES[kind](entry)})


def wav(folder: Path, samples: np.ndarray = NOISE, rate: int = RATE, **options: str) -> str:
    soundfile.write(folder / "a.wav", samples, rate, **options)
    return str(folder / "a.wav")


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "ULAW"])
def test_a_recording_as_it_must_be_passes_unchanged(tmp_path: Path, subtype: str) -> None:
    entry = wav(tmp_path, subtype=subtype)
    np.testing.assert_array_equal(checked(entry)["speech"], soundfile.read(entry)[0])


def test_preprocessing_follows(tmp_path: Path) -> None:
    entry = wav(tmp_path)
    check = SpeechCheck("speech", "sound", {"u1": entry}, Expected(), lambda key, data: {"key": key, **data})
    assert check("u1", {"speech": NOISE})["key"] == "u1"


BAD = {
    "rate": (
        lambda p: wav(p, NOISE[::2], 8000),
        "has 8000 Hz, but the model was trained on 16000 Hz; .*--fs",
    ),
    "stereo": (lambda p: wav(p, np.stack([NOISE, NOISE], 1)), "has 2 channels, and the model would take one"),
    "nan": (lambda p: wav(p, NOISE * np.nan, subtype="FLOAT"), "has 16000 samples that are NaN"),
    "scale": (
        lambda p: wav(p, NOISE * 32768, subtype="FLOAT"),
        "has 100.0% of its samples outside .-1, 1., and a peak of 16384",
    ),
    "empty": (lambda p: wav(p, NOISE[:0]), "is empty"),
}


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD.keys())
def test_a_recording_that_is_otherwise_is_refused(tmp_path: Path, make, message: str) -> None:
    entry = make(tmp_path)
    with pytest.raises(InputError, match=rf"^u1: .*a.wav {message}"):
        checked(entry)
    with pytest.raises(InputError):  # stage 3 says the same
        read_recording(Recording(entry, (Cut("u1"),)), RATE)


@pytest.mark.parametrize(("form", "suffix"), [("WAV", "wav"), ("MP3", "mp3")])
def test_a_recording_that_is_cut_off_is_refused(tmp_path: Path, form: str, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.tile(NOISE, 5), RATE, format=form)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=rf"^u1: .*a.{suffix} is cut off: "):
        checked(str(path))


def test_an_archive_is_checked_too(tmp_path: Path) -> None:
    flac = {"write_function": "soundfile", "write_kwargs": {"format": "flac", "subtype": "PCM_16"}}
    samples = (NOISE * 32768).astype(np.int16)
    kaldiio.save_ark(str(tmp_path / "a.ark"), {"u1": (samples, 8000)}, **flac)
    entry = f"{tmp_path}/a.ark:3"
    with pytest.raises(InputError, match="a.ark:3 has 8000 Hz, but the model was trained on 16000 Hz"):
        checked(entry, "kaldi_ark")
    checked(entry, "kaldi_ark", Expected(rate=8000))


def test_a_wav_in_an_archive_is_refused_because_espnet_does_not_scale_it(tmp_path: Path) -> None:
    kaldiio.save_ark(str(tmp_path / "a.ark"), {"u1": (RATE, (NOISE * 32768).astype(np.int16))})
    with pytest.raises(InputError, match=r"a.ark:3 is read unscaled from its archive; format the data again"):
        checked(f"{tmp_path}/a.ark:3", "kaldi_ark")


def test_features_are_none_of_these_but_numbers(tmp_path: Path) -> None:
    features = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    expected = Expected(waveform=False)
    for name, value in (("good", features), ("bad", features * np.inf)):
        kaldiio.save_ark(str(tmp_path / f"{name}.ark"), {"u1": value})
    checked(f"{tmp_path}/good.ark:3", "kaldi_ark", expected)
    with pytest.raises(InputError, match=r"u1 \(.*bad.ark:3\) has features that are NaN or infinite"):
        checked(f"{tmp_path}/bad.ark:3", "kaldi_ark", expected)


def test_a_missing_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="u1 has no recording"):
        SpeechCheck("speech", "sound", {"u1": "None"}, Expected(), None)("u1", {"speech": None})


def test_columns_are_looked_at_one_by_one(tmp_path: Path) -> None:
    first = wav(tmp_path)
    second = str(tmp_path / "b.wav")
    soundfile.write(second, NOISE, 8000)
    several = Expected(rate=RATE, channels=True)
    assert checked(f"{first} {first}", "multi_columns_sound", several)["speech"].shape == (RATE, 2)
    with pytest.raises(InputError, match="b.wav has 8000 Hz"):
        checked(f"{first} {second}", "multi_columns_sound", several)


@pytest.mark.parametrize(
    ("conf", "channels"),
    [(None, False), ({}, False), ({"use_wpe": True}, True), ({"use_beamformer": True}, True)],
)
def test_only_a_frontend_that_forms_beams_takes_channels(conf, channels: bool) -> None:
    from espnet2.asr.frontend.default import DefaultFrontend

    frontend = DefaultFrontend(fs=RATE, n_fft=64, hop_length=32, n_mels=8, frontend_conf=conf)
    assert Expected.by(frontend) == Expected(waveform=True, rate=RATE, channels=channels)
    assert Expected.by(None) == Expected(waveform=False, rate=None, channels=True)
