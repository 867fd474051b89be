"""The corpus in every state that a user may have it in."""

from pathlib import Path

import pytest
from aishell import corpus
from aishell.corpus import prepare
from aishell.unpack import unpack_outer
from aishell_shape import TRANSCRIPT, make_aishell

from espnet_gmot.data.kaldi_data import check_data_dir
from espnet_gmot.errors import InputError

SIZES = {"train": (2, 3), "dev": (1, 3), "test": (1, 3)}  # 12 wavs, 8 of them with a transcript
NOWHERE = "http://127.0.0.1:9"  # nothing answers there: no test may download


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_unpacked_copy_is_used_where_it_is_and_not_touched(tmp_path: Path) -> None:
    aishell = make_aishell(tmp_path / "copy", packed=False, sizes=SIZES)
    before = files(aishell)
    for place in (aishell, aishell / "data_aishell"):
        prepare(place, tmp_path / "data", 1, NOWHERE)
        train = check_data_dir(tmp_path / "data" / "train")
        assert list(train.text) == [f"BAC009S000{s}W012{u}" for s in (2, 3) for u in (1, 2)]
        assert train.utt2spk["BAC009S0002W0121"] == "S0002"
        wav = aishell / "data_aishell" / "wav" / "train" / "S0002" / "BAC009S0002W0121.wav"
        assert train.wav_scp["BAC009S0002W0121"] == str(wav)
    assert files(aishell) == before


def test_transcripts_are_joined_without_spaces(tmp_path: Path) -> None:
    aishell = make_aishell(tmp_path / "copy", packed=False, sizes=SIZES)
    prepare(aishell, tmp_path / "data", 1, NOWHERE)
    lines = (aishell / "data_aishell" / TRANSCRIPT).read_text(encoding="utf-8").splitlines()
    texts = [f"{line.split()[0]} {''.join(line.split()[1:])}" for line in lines]
    assert any(" " in line.split(" ", 1)[1] for line in lines)
    assert (tmp_path / "data" / "dev" / "text").read_text(encoding="utf-8").splitlines() == texts[4:6]


@pytest.mark.parametrize("prefix", ["", "wav/"])
def test_packed_corpus_is_unpacked_once_and_its_archives_stay(tmp_path: Path, prefix: str) -> None:
    aishell = make_aishell(tmp_path / "copy", packed=True, sizes=SIZES, member_prefix=prefix)
    archives = {path: path.read_bytes() for path in files(aishell)}
    report = prepare(aishell, tmp_path / "data", 2, NOWHERE)
    assert "dev: 2 utterances of 1 speakers" in report
    assert (aishell / "resource_aishell" / "lexicon.txt").exists()
    assert {path: path.read_bytes() for path in archives} == archives
    made = {path: path.stat().st_mtime_ns for path in files(aishell)}
    assert prepare(aishell, tmp_path / "data", 2, NOWHERE) == report
    assert {path: path.stat().st_mtime_ns for path in files(aishell)} == made


def test_copy_with_some_speakers_unpacked_is_completed(tmp_path: Path) -> None:
    aishell = make_aishell(tmp_path / "copy", packed=True, sizes=SIZES)
    whole = make_aishell(tmp_path / "whole", packed=False, sizes=SIZES)
    data = unpack_outer(aishell / "data_aishell.tgz", aishell)
    (data / "wav" / "train").mkdir()
    (whole / "data_aishell/wav/train/S0003").rename(data / "wav/train/S0003")
    for speaker in ("S0003", "S0764"):
        (data / "wav" / f"{speaker}.tar.gz").unlink()
    (whole / "data_aishell/wav/test").rename(data / "wav/test")
    assert "train: 4 utterances of 2 speakers" in prepare(aishell, tmp_path / "data", 1, NOWHERE)


def test_counts_that_are_not_aishells_are_warned_of(tmp_path: Path) -> None:
    aishell = make_aishell(tmp_path / "copy", packed=False, sizes=SIZES)
    report = prepare(aishell, tmp_path / "data", 1, NOWHERE).splitlines()
    assert report[0] == "warning: 12 wavs, and AISHELL-1 has 141925: 141913 missing"
    assert "warning: 2 test utterances, and AISHELL-1 has 7176: 7174 missing" in report


def test_right_counts_give_no_warning_and_no_look_into_archives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aishell = make_aishell(tmp_path / "copy", packed=False, sizes=SIZES)
    (aishell / "data_aishell" / "wav" / "S0002.tar.gz").write_bytes(b"damaged, and not needed")
    monkeypatch.setattr(corpus, "WAVS", 12)
    monkeypatch.setattr(corpus, "UTTERANCES", {"train": 4, "dev": 2, "test": 2})
    assert "warning" not in prepare(aishell, tmp_path / "data", 1, NOWHERE)
    monkeypatch.setattr(corpus, "UTTERANCES", {"train": 4, "dev": 2, "test": 1})
    assert "warning: 2 test utterances, and AISHELL-1 has 1: 1 too many" in prepare(
        aishell, tmp_path / "data", 1, NOWHERE
    )


def test_what_lacks_audio_or_transcript_is_counted_and_named(tmp_path: Path) -> None:
    aishell = make_aishell(tmp_path / "copy", packed=False, sizes=SIZES)
    (aishell / "data_aishell/wav/train/S0002/BAC009S0002W0121.wav").unlink()
    report = prepare(aishell, tmp_path / "data", 1, NOWHERE)
    assert (
        "4 wavs have no transcript and are left out: BAC009S0002W0123, BAC009S0003W0123, BAC009S0724W0123, …"
        in report
    )
    assert (
        "warning: 1 transcripts have no wav and are left out: BAC009S0002W0121; where wavs got lost" in report
    )
    assert len(check_data_dir(tmp_path / "data" / "train").text) == 3


def test_set_without_any_utterance_is_refused(tmp_path: Path) -> None:
    aishell = make_aishell(tmp_path / "copy", packed=False, sizes=SIZES)
    (aishell / "data_aishell" / TRANSCRIPT).write_text("BAC009S9999W0001 今天\n", encoding="utf-8")
    with pytest.raises(
        InputError, match="train: none of 6 wavs has one of the 1 transcripts of .*; let AISHELL"
    ):
        prepare(aishell, tmp_path / "data", 1, NOWHERE)
    assert not (tmp_path / "data").exists()


def test_transcript_file_with_a_bad_line_is_refused(tmp_path: Path) -> None:
    aishell = make_aishell(tmp_path / "copy", packed=False, sizes=SIZES)
    with (aishell / "data_aishell" / TRANSCRIPT).open("a", encoding="utf-8") as transcript:
        transcript.write("BAC009S0002W0121 again\n")
    with pytest.raises(InputError, match="aishell_transcript_v0.8.txt:9: id BAC009S0002W0121 comes twice"):
        prepare(aishell, tmp_path / "data", 1, NOWHERE)


def test_truncated_archive_and_its_cure(tmp_path: Path) -> None:
    aishell = make_aishell(tmp_path / "copy", packed=True, sizes=SIZES)
    whole = (aishell / "data_aishell.tgz").read_bytes()
    (aishell / "data_aishell.tgz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="data_aishell.tgz is cut off or damaged"):
        prepare(aishell, tmp_path / "data", 1, NOWHERE)
    assert not (aishell / "data_aishell").exists()
    (aishell / "data_aishell.tgz").write_bytes(whole)
    assert "train: 4 utterances" in prepare(aishell, tmp_path / "data", 1, NOWHERE)


def test_folder_with_half_a_copy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "copy" / "data_aishell" / "wav").mkdir(parents=True)
    with pytest.raises(
        InputError, match="data_aishell has no transcript/.*; remove it and run again, or correct"
    ):
        prepare(tmp_path / "copy", tmp_path / "data", 1, NOWHERE)


def test_aishell_that_is_not_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="AISHELL is not set; .* in db.sh or by --local_data_opts"):
        prepare("", tmp_path / "data", 1, NOWHERE)
