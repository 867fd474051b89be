"""What the page answers: transcript, picture and message."""

import numpy as np
import pytest
import soundfile
from small_corpus import RATE, TRANSCRIPTS

from espnet_gmot.demo_page.answer import answer


def test_a_recording_is_transcribed_and_a_text_gets_its_picture(load, gmot_experiment, wav):
    recogniser = load(gmot_experiment)
    found = answer(recogniser, str(wav), "")
    assert found.message == ""
    assert found.transcript.tokens
    assert found.picture is None
    assert answer(recogniser, str(wav), TRANSCRIPTS[0]).picture.ndim == 3


def test_what_is_missing_or_no_audio_becomes_a_message(load, gmot_experiment, no_audio):
    recogniser = load(gmot_experiment)
    assert answer(recogniser, None, "").message.startswith("there is no recording; record something")
    found = answer(recogniser, str(no_audio), TRANSCRIPTS[0])
    assert found.message.startswith("notes.wav cannot be read as audio (")
    assert (found.transcript.text, found.picture) == ("", None)


def test_a_text_that_cannot_be_aligned_costs_no_transcript(load, ctc_experiment, wav):
    found = answer(load(ctc_experiment), str(wav), TRANSCRIPTS[0])
    assert found.transcript.tokens
    assert found.picture is None
    assert found.message.startswith("no coupling: this model was trained without GM-OT")


@pytest.mark.parametrize("samples", [10, 400])
def test_a_text_beside_a_recording_too_short_gets_a_message(load, gmot_experiment, tmp_path, samples):
    soundfile.write(tmp_path / "short.wav", np.full(samples, 0.1), RATE)
    found = answer(load(gmot_experiment), str(tmp_path / "short.wav"), TRANSCRIPTS[0])
    nothing, no_coupling = found.message.splitlines()
    assert nothing.startswith("nothing was recognised: the recording is too short")
    assert no_coupling == "no coupling: the recording is too short for the encoder"
    assert found.picture is None


def test_a_recording_too_short_for_the_encoder_is_told_and_so_is_a_change(load, ctc_experiment, tmp_path):
    soundfile.write(tmp_path / "short.wav", np.full(160, 0.1), 2 * RATE)
    found = answer(load(ctc_experiment), str(tmp_path / "short.wav"), "")
    resampled, nothing = found.message.splitlines()
    assert resampled == "32000 Hz were resampled to 16000 Hz"
    assert nothing.startswith("nothing was recognised: the recording is too short")
