"""Audio format flac.ark: written by stages 2 and 3, read by ESPnet and by a later stage."""

import os
from collections.abc import Callable
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile

from espnet_gmot.data.kaldi_data import check_data_dir, write_table
from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.driver import audio_parts
from espnet_gmot.driver.format_wav_scp import format_wav_scp
from espnet_gmot.driver.parallel import Processes
from espnet_gmot.driver.sound_ark import is_flac_in_ark, write_ark
from espnet_gmot.driver.speed_perturb import perturb_speed
from espnet_gmot.errors import InputError

Corpus = Callable[..., Path]
RATE = 8000


@pytest.fixture(autouse=True)
def two_utterances_an_ark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_parts, "RECORDINGS_A_FOLDER", 2)


def formatted(data: Path, nj: int = 1, target: str = "org") -> dict[str, str]:
    format_wav_scp(data, data.parent / target, "flac.ark", RATE, Processes(nj))
    return check_data_dir(data.parent / target).wav_scp


def originals(data: Path) -> dict[str, np.ndarray]:
    return {u: soundfile.read(path, dtype="int16")[0] for u, path in read_table(data / "wav.scp").items()}


def samples_of(wav_scp: dict[str, str]) -> dict[str, np.ndarray]:
    return {u: np.rint(kaldiio.load_mat(entry)[1] * 32768).astype(np.int16) for u, entry in wav_scp.items()}


@pytest.mark.parametrize("nj", [1, 2])
def test_every_sample_is_in_the_arks(make_corpus: Corpus, nj: int) -> None:
    data = make_corpus(n=5)
    wav_scp = formatted(data, nj)
    org = data.parent / "org"
    assert {entry.split(":")[0] for entry in wav_scp.values()} == {
        f"{org}/data/format.{n}/data_wav.ark" for n in (1, 2, 3)
    }
    for utterance, samples in samples_of(wav_scp).items():
        np.testing.assert_array_equal(samples, originals(data)[utterance])
    assert read_table(org / "utt2num_samples")["u5"] == "4000"
    assert all(is_flac_in_ark(entry) for entry in wav_scp.values())


def test_espnet_reads_the_same_numbers_as_from_files(make_corpus: Corpus) -> None:
    from espnet2.train.dataset import ESPnetDataset
    from espnet2.train.iterable_dataset import IterableESPnetDataset

    data = make_corpus()
    formatted(data)
    ark = [(str(data.parent / "org" / "wav.scp"), "speech", "kaldi_ark")]
    files = ESPnetDataset([(str(data / "wav.scp"), "speech", "sound")])
    for dataset in (ESPnetDataset(ark, max_cache_fd=1), ESPnetDataset(ark)):
        for utterance in ("u3", "u1", "u2"):
            np.testing.assert_array_equal(dataset[utterance][1]["speech"], files[utterance][1]["speech"])
    for utterance, read in IterableESPnetDataset(ark):  # that of decoding
        np.testing.assert_array_equal(read["speech"], files[utterance][1]["speech"])


def test_segments_are_cut_into_the_ark(make_corpus: Corpus) -> None:
    data = make_corpus()
    whole = originals(data)["u3"]
    write_table(data / "wav.scp", {"long": read_table(data / "wav.scp")["u3"]})
    write_table(data / "segments", {"u1": "long 0 0.1", "u2": "long 0.1 0.2", "u3": "long 0.15 0.3"})
    samples = samples_of(formatted(data))
    np.testing.assert_array_equal(samples["u2"], whole[800:1600])
    np.testing.assert_array_equal(samples["u3"], whole[1200:2400])


def test_rerun_makes_only_arks_that_are_missing_or_stale(make_corpus: Corpus) -> None:
    data = make_corpus(n=6)
    formatted(data)
    arks = sorted((data.parent / "org" / "data").glob("*/data_wav.ark"))
    before = {ark: ark.stat().st_mtime_ns for ark in arks}
    arks[0].unlink()
    source = data.parent / "wav" / "u3.wav"
    later = arks[1].stat().st_mtime + 10
    soundfile.write(source, np.zeros(400, dtype=np.int16), RATE)
    os.utime(source, (later, later))
    assert len(samples_of(formatted(data))["u3"]) == 400
    after = {ark: ark.stat().st_mtime_ns for ark in arks}
    assert [after[ark] == before[ark] for ark in arks] == [False, False, True]


def test_bad_utterance_is_named_and_its_ark_stays_out(make_corpus: Corpus) -> None:
    data = make_corpus()
    (data.parent / "wav" / "u2.wav").write_bytes(b"RIFF no audio")
    with pytest.raises(InputError, match=r"utterance u2: .*u2.wav cannot be read as audio"):
        formatted(data)
    assert not (data.parent / "org" / "data" / "format.1" / "data_wav.ark").exists()
    assert not (data.parent / "org" / "wav.scp").exists()


def test_perturbed_arks_are_referenced_by_stage_3_and_plain_files_join_them(make_corpus: Corpus) -> None:
    data = make_corpus()
    assert perturb_speed(data, data.parent / "data_sp", ["0.9", "1.0"], "flac.ark", Processes(1)) == 6
    perturbed = check_data_dir(data.parent / "data_sp").wav_scp
    assert perturbed["u1"] == read_table(data / "wav.scp")["u1"]
    assert perturbed["sp0.9-u3"].startswith(f"{data.parent}/data_sp/data/sp0.9.2/data_wav.ark:")
    wav_scp = formatted(data.parent / "data_sp")
    assert {u: entry for u, entry in wav_scp.items() if u.startswith("sp")} == {
        u: entry for u, entry in perturbed.items() if u.startswith("sp")
    }
    samples = samples_of(wav_scp)
    assert len(samples["sp0.9-u3"]) == pytest.approx(2400 / 0.9, abs=2)
    np.testing.assert_array_equal(samples["u2"], originals(data)["u2"])


def test_perturbed_arks_are_kept_by_a_rerun(make_corpus: Corpus) -> None:
    data = make_corpus()
    perturb_speed(data, data.parent / "data_sp", ["1.1"], "flac.ark", Processes(1))
    arks = sorted((data.parent / "data_sp").rglob("*.ark"))
    before = [ark.stat().st_mtime_ns for ark in arks]
    arks[1].unlink()
    perturb_speed(data, data.parent / "data_sp", ["1.1"], "flac.ark", Processes(1))
    assert arks[0].stat().st_mtime_ns == before[0]
    assert arks[1].exists()


def test_ark_can_be_formatted_to_files_again(make_corpus: Corpus) -> None:
    data = make_corpus()
    formatted(data)
    format_wav_scp(data.parent / "org", data.parent / "again", "flac", RATE, Processes(1))
    for utterance, path in read_table(data.parent / "again" / "wav.scp").items():
        np.testing.assert_array_equal(soundfile.read(path, dtype="int16")[0], originals(data)[utterance])


@pytest.mark.parametrize("source", ["a.wav", "cat a.ark:7 |", "nowhere.ark:7", "{ark}:0", "{ark}:99999"])
def test_other_entries_are_no_flac_in_an_ark(tmp_path: Path, source: str) -> None:
    write_ark(tmp_path / "a.ark", [("u1", np.zeros(80, dtype=np.int16), RATE)])
    assert not is_flac_in_ark(source.format(ark=tmp_path / "a.ark"))


def test_wav_in_an_ark_is_made_flac(make_corpus: Corpus) -> None:
    data = make_corpus(n=1)
    ark, samples = data.parent / "wav.ark", originals(data)["u1"]
    kaldiio.save_ark(str(ark), {"u1": (RATE, samples)}, scp=str(data / "wav.scp"))
    wav_scp = formatted(data)
    assert wav_scp["u1"].startswith(str(data.parent / "org"))
    np.testing.assert_array_equal(samples_of(wav_scp)["u1"], samples)
