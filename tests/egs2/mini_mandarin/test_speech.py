"""Utterances as sound: reproducible, 16 kHz mono, of the level and noise asked for."""

import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from multiprocessing.connection import wait
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mini_mandarin import speech
from mini_mandarin.corpus import plan_utterances
from mini_mandarin.presets import PRESETS

from espnet_gmot.errors import InputError

TINY = PRESETS["tiny"]
UTTERANCES = plan_utterances("dev", ["人民发展", "经济建设工作", "我们的国家"], ("m1", "f2"))


def digests(directory):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(directory.iterdir())}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("wav")
    return directory, speech.make_wavs(UTTERANCES, directory, TINY, seed=0, nj=1)


def test_bytes_depend_neither_on_nj_nor_on_order_nor_on_neighbours(made, tmp_path):
    speech.make_wavs(UTTERANCES[::-1], tmp_path / "all", TINY, seed=0, nj=2)
    speech.make_wavs(UTTERANCES[2:], tmp_path / "one", TINY, seed=0, nj=1)
    assert digests(tmp_path / "all") == digests(made[0])
    assert digests(tmp_path / "one").items() <= digests(made[0]).items()


def test_another_seed_makes_other_speech(made, tmp_path):
    speech.make_wavs(UTTERANCES[:1], tmp_path, TINY, seed=1, nj=1)
    assert not digests(tmp_path).items() & digests(made[0]).items()


def test_wavs_are_16_khz_mono_16_bit_and_do_not_clip(made):
    for utterance in UTTERANCES:
        info = soundfile.info(made[1][utterance.id])
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
        assert 0.1 < info.duration / len(utterance.sentence) < 0.5
        samples, _ = soundfile.read(made[1][utterance.id])
        assert np.abs(samples).max() < 0.99
        assert TINY.level[0] - 2 < 20 * np.log10(samples.std()) < TINY.level[1] + 1


PRELOADED = f"""
import multiprocessing, sys
from pathlib import Path
sys.path.insert(0, {str(Path(speech.__file__).parents[1])!r})
from mini_mandarin import speech
from mini_mandarin.presets import PRESETS
made = speech.Utterance("u1", "m1", "人民", ("ren2", "min2"))
speech.make_wavs([made], Path("wav"), PRESETS["tiny"], seed=0, nj=1)
look = "import sys; raise SystemExit(7 if 'soxr' in sys.modules else 8)"
child = multiprocessing.get_context("forkserver").Process(target=exec, args=(look,))
child.start()
child.join()
print(child.exitcode)
"""


def test_what_an_utterance_needs_is_imported_once_wherever_the_recipe_runs(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", PRELOADED], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stdout == "7\n", done.stderr


@pytest.mark.parametrize("lost", [".wav", ".ctm"])
def test_only_what_is_missing_is_made_again(made, lost):
    directory, wavs = made
    before = digests(directory)
    missing, kept = wavs[UTTERANCES[0].id], wavs[UTTERANCES[1].id]
    made_at = kept.stat().st_mtime_ns
    missing.with_suffix(lost).unlink()
    speech.make_wavs(UTTERANCES, directory, TINY, seed=0, nj=2)
    assert digests(directory) == before
    assert kept.stat().st_mtime_ns == made_at


def test_character_times_cover_the_speech_in_order(made):
    for utterance in UTTERANCES:
        wav = made[1][utterance.id]
        rows = [line.split() for line in wav.with_suffix(".ctm").read_text().splitlines()]
        assert "".join(row[4] for row in rows) == utterance.sentence
        starts, durations = (np.array([float(row[i]) for row in rows]) for i in (2, 3))
        assert np.all(durations > 0.05)
        np.testing.assert_allclose(starts[1:], (starts + durations)[:-1], atol=0.002)
        end = soundfile.info(wav).duration - (starts + durations)[-1]
        for silence in (starts[0], end):
            assert TINY.silence[0] - 0.002 <= silence <= TINY.silence[1] + 0.002


PAUSING = replace(TINY, pauses=1.0, pause=(0.3, 0.4), snr=(60.0, 60.0), level=(-25.0, -25.0))


def test_pauses_stand_between_the_characters_and_belong_to_none():
    samples, times = speech.render(UTTERANCES[1], PAUSING, seed=0)
    assert len(times) == len(UTTERANCES[1].sentence)
    for (_, end), (start, _) in pairwise(times):
        assert 0.3 - 1e-4 <= start - end <= 0.4 + 1e-4
        silent = samples[round((end + 0.01) * 16000) : round((start - 0.01) * 16000)]
        assert 20 * np.log10(silent.std()) < -80
    for start, end in times:
        assert 20 * np.log10(samples[round(start * 16000) : round(end * 16000)].std()) > -40


def test_pauses_change_neither_level_nor_length_of_the_characters(tmp_path):
    lengths = []
    for name, preset in (("with", PAUSING), ("without", replace(PAUSING, pauses=0.0))):
        wav = speech.make_wavs(UTTERANCES[1:2], tmp_path / name, preset, 0, 1)[UTTERANCES[1].id]
        rows = [line.split() for line in wav.with_suffix(".ctm").read_text().splitlines()]
        lengths.append([float(row[3]) for row in rows])
        samples, _ = soundfile.read(wav)
        times = [(float(row[2]), float(row[2]) + float(row[3])) for row in rows]
        spoken = [samples[round(start * 16000) : round(end * 16000)] for start, end in times]
        assert 20 * np.log10(np.concatenate(spoken).std()) == pytest.approx(-25, abs=0.1)
    np.testing.assert_allclose(*lengths, atol=0.0011)  # they are written in milliseconds


def test_pauses_come_as_often_as_asked_for():
    preset = replace(PAUSING, pauses=0.5)
    long = plan_utterances("dev", ["人民发展经济建设工作我们的国家" * 2], ("m1",) * 1)[0]
    gaps = []
    for seed in range(8):
        _, times = speech.render(long, preset, seed)
        gaps += [start - end > 0.2 for (_, end), (start, _) in pairwise(times)]
    assert 0.35 < np.mean(gaps) < 0.65  # 232 gaps: 4.6 standard errors


def test_noise_has_the_ratio_asked_for():
    """The noise stands alone in the silence at both ends."""
    preset = replace(TINY, snr=(20.0, 20.0), silence=(0.5, 0.5), level=(-25.0, -25.0))
    samples, _ = speech.render(UTTERANCES[0], preset, seed=0)
    noise = np.concatenate([samples[:8000], samples[-8000:]])
    assert 20 * np.log10(noise.std()) == pytest.approx(-45, abs=0.3)
    assert 20 * np.log10(samples[8000:-8000].std()) == pytest.approx(-25, abs=0.3)


def test_faster_speech_is_shorter():
    slow, fast = (
        len(speech.render(UTTERANCES[1], replace(TINY, rate=(rate, rate)), seed=0)[0]) for rate in (150, 250)
    )
    assert fast < 0.8 * slow


def test_unknown_voice_and_bad_nj_are_refused_before_any_file(tmp_path):
    stranger = replace(UTTERANCES[0], voice="nobody")
    with pytest.raises(InputError, match="unknown voice nobody"):
        speech.make_wavs([stranger], tmp_path / "wav", TINY, 0, nj=1)
    with pytest.raises(InputError, match="--nj is 0; give at least 1"):
        speech.make_wavs(UTTERANCES, tmp_path / "wav", TINY, 0, nj=0)
    assert not (tmp_path / "wav").exists()


def test_full_disk_is_refused_before_any_file(tmp_path, monkeypatch):
    monkeypatch.setattr(speech, "_BYTES_A_CHARACTER", 10**15)
    with pytest.raises(InputError, match="GB are needed; free some disk space"):
        speech.make_wavs(UTTERANCES, tmp_path / "wav", TINY, 0, nj=1)
    assert not (tmp_path / "wav").exists()


def test_breath_of_a_voice_does_not_depend_on_the_clock(tmp_path):
    utterances = plan_utterances("dev", ["人民发展"], ("f5",))
    speech.make_wavs(utterances, tmp_path / "now", TINY, seed=0, nj=1)
    time.sleep(1.1)  # eSpeak NG seeds its noise with the second at which it starts
    speech.make_wavs(utterances, tmp_path / "later", TINY, seed=0, nj=1)
    assert digests(tmp_path / "now") == digests(tmp_path / "later")


def test_workers_ignore_ctrl_c_from_their_first_moment():
    answer = signal.getsignal(signal.SIGINT)
    speech._start_forkserver()
    assert signal.getsignal(signal.SIGINT) is answer
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        assert pool.apply(signal.getsignal, (signal.SIGINT,)) == signal.SIG_IGN


def test_killed_worker_is_an_error_and_no_hang(tmp_path, monkeypatch):
    def kill_one_and_wait(sentinels):
        multiprocessing.active_children()[0].kill()
        return wait(sentinels)

    monkeypatch.setattr(speech, "wait", kill_one_and_wait)
    with pytest.raises(InputError, match="dev.*: synthesis ended with status -9; run the same"):
        speech.make_wavs(UTTERANCES, tmp_path, TINY, seed=0, nj=2)
    assert not multiprocessing.active_children()
