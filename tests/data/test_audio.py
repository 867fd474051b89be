import kaldiio
import numpy as np
import pytest
import soundfile

from espnet_gmot.data.audio import Cut, Recording, parse_rate, read_cuts, recordings_of, write_audio
from espnet_gmot.data.kaldi_data import read_data_dir, write_data_dir
from espnet_gmot.errors import InputError

SAMPLES = np.arange(800, dtype=np.int16)


@pytest.fixture
def wav(tmp_path):
    path = tmp_path / "long.wav"
    write_audio(path, SAMPLES, 8000)
    return str(path)


@pytest.mark.parametrize("rate", ["", "k", "-16k", "16 000 Hz", "0", "0.4", "22050.5", "16.0005k"])
def test_senseless_rate_is_refused(rate: str) -> None:
    with pytest.raises(InputError, match="write for example 16k or 16000"):
        parse_rate(rate)


def test_audio_is_written_without_a_change(wav):
    samples, rate = soundfile.read(wav, dtype="int16")
    assert rate == 8000 and soundfile.info(wav).subtype == "PCM_16"
    np.testing.assert_array_equal(samples, SAMPLES)


def test_cuts_end_at_their_samples(wav):
    halves = (Cut("u1", 0.0, 0.05), Cut("u2", 0.05, 0.1))
    (_, first, rate), (_, second, _) = read_cuts(Recording(wav, halves))
    assert rate == 8000
    np.testing.assert_array_equal(np.concatenate([first, second]), SAMPLES)


def test_a_segment_may_end_a_little_after_its_recording(wav):
    ((_, samples, _),) = read_cuts(Recording(wav, (Cut("u1", 0.05, 0.5),)))
    np.testing.assert_array_equal(samples, SAMPLES[400:])


def test_minus_1_ends_a_segment_with_its_recording(wav):
    ((_, samples, _),) = read_cuts(Recording(wav, (Cut("u1", 0.05, -1.0),)))
    np.testing.assert_array_equal(samples, SAMPLES[400:])


def test_all_segments_outside_are_told(wav):
    cuts = (Cut("u1", 0.0, 0.1), Cut("u2", 0.2, 0.3), Cut("u3", 0.0, 9.0))
    with pytest.raises(InputError, match=r"2 faults:\n  utterance u2: .*\n  utterance u3: "):
        read_cuts(Recording(wav, cuts))


def test_archive_gives_what_was_put_in(tmp_path):
    ark = tmp_path / "wav.ark"
    kaldiio.save_ark(str(ark), {"u1": (8000, SAMPLES)})
    recording = Recording(f"{ark}:3", (Cut("u1"),))  # behind the key and a space
    assert not recording.is_file and recording.file == str(ark)
    ((_, samples, rate),) = read_cuts(recording)
    assert rate == 8000
    np.testing.assert_array_equal(samples, SAMPLES)


def test_recordings_hold_the_utterances_of_segments(tmp_path, wav):
    write_data_dir(tmp_path / "data", {"long": wav}, {"u1": "a", "u2": "b"}, {"u1": "s", "u2": "s"})
    (tmp_path / "data" / "segments").write_text("u1 long 0 0.05\nu2 long 0.05 0.1\n")
    (recording,) = recordings_of(read_data_dir(tmp_path / "data"))
    assert recording == Recording(wav, (Cut("u1", 0.0, 0.05), Cut("u2", 0.05, 0.1)))
