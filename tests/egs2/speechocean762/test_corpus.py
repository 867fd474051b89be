"""The corpus in every state that a user may have it in."""

from pathlib import Path

import pytest
from aishell_shape import make_tar
from speechocean762 import split, tables
from speechocean762.corpus import prepare
from speechocean762_shape import TEST, TRAIN, make_speechocean762, sentence, utterance

from espnet_gmot.data.kaldi_data import check_data_dir
from espnet_gmot.errors import InputError

NOWHERE = "http://127.0.0.1:9"  # nothing answers there: no test may download


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("inside", [False, True])
def test_an_unpacked_copy_is_used_where_it_is_and_not_touched(tmp_path: Path, inside: bool) -> None:
    copy = make_speechocean762(tmp_path / "copy")
    before = files(copy)
    report = prepare(copy / "speechocean762" if inside else copy, tmp_path / "data", NOWHERE).splitlines()
    assert files(copy) == before
    assert report[-6:] == [
        "train: 12 utterances of 3 speakers",
        "dev: 8 utterances of 2 speakers; 0 of its 8 sentences stand in train",
        "test: 4 utterances of 2 speakers; their sentences stand in neither train nor dev",
        "test_seen: 4 utterances of 2 speakers: those of the test set whose sentence stands in train or dev",
        "train: of 3 speakers 1 are under 18 and 1 female",
        "dev: of 2 speakers 1 are under 18 and 1 female",
    ]


def test_texts_are_lower_case_and_recordings_those_of_the_corpus(tmp_path: Path) -> None:
    copy = make_speechocean762(tmp_path / "copy")
    prepare(copy, tmp_path / "data", NOWHERE)
    dev = check_data_dir(tmp_path / "data" / "dev")
    assert dev.text[utterance("0006", 3)] == sentence("0006", 3).lower()
    wav = Path(dev.wav_scp[utterance("0006", 3)])
    assert wav == copy / "speechocean762" / "WAVE" / "SPEAKER0006" / f"{utterance('0006', 3)}.WAV"
    assert wav.is_file()
    assert set(dev.utt2spk.values()) == {"0006", "0075"}


def test_a_packed_corpus_is_unpacked_once_and_its_archive_stays(tmp_path: Path) -> None:
    copy = make_speechocean762(tmp_path / "copy", packed=True)
    archive = (copy / "speechocean762.tar.gz").read_bytes()
    report = prepare(copy, tmp_path / "data", NOWHERE)
    made = files(copy)
    assert prepare(copy, tmp_path / "data", NOWHERE) == report
    assert files(copy) == made
    assert (copy / "speechocean762.tar.gz").read_bytes() == archive
    assert (copy / "speechocean762" / "resource" / "scores.json").exists()


def test_a_damaged_archive_and_its_cure(tmp_path: Path) -> None:
    copy = make_speechocean762(tmp_path / "copy", packed=True)
    whole = (copy / "speechocean762.tar.gz").read_bytes()
    (copy / "speechocean762.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"tar.gz is cut off or damaged .*; copy it again, or remove it"):
        prepare(copy, tmp_path / "data", NOWHERE)
    assert not (copy / "speechocean762").exists()
    (copy / "speechocean762.tar.gz").write_bytes(whole)
    assert "train: 12 utterances" in prepare(copy, tmp_path / "data", NOWHERE)


def test_a_set_that_is_not_the_whole_one_is_warned_of(tmp_path: Path) -> None:
    copy = make_speechocean762(tmp_path / "copy")
    report = prepare(copy, tmp_path / "data", NOWHERE)
    assert "warning: train has 5 speakers, and that of speechocean762 125" in report
    assert "warning: test: 2 speakers have not 20 utterances: 0003 (4), 0560 (4)" in report
    assert "warning: dev lacks 14 of its 16 speakers: 0575, 1033, " in report


def test_right_counts_give_no_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "UTTERANCES", 4)
    monkeypatch.setattr(split, "DEV_SPEAKERS", ("0006", "0075"))
    copy = make_speechocean762(tmp_path / "copy")
    monkeypatch.setattr(tables, "SPEAKERS", len(TRAIN))
    report = prepare(copy, tmp_path / "data", NOWHERE).splitlines()
    assert [line for line in report if "warning" in line] == [
        f"warning: test has {len(TEST)} speakers, and that of speechocean762 {len(TRAIN)}"
    ]


def test_without_tables_of_voices_everything_else_works(tmp_path: Path) -> None:
    with_tables, without = (
        make_speechocean762(tmp_path / str(tables), tables_of_voices=tables) for tables in (True, False)
    )
    assert "spk2age and no " in prepare(without, tmp_path / "data_without", NOWHERE)
    prepare(with_tables, tmp_path / "data_with", NOWHERE)
    for name in ("train", "dev", "test", "test_seen"):
        assert (tmp_path / "data_with" / name / "text").read_text() == (
            tmp_path / "data_without" / name / "text"
        ).read_text()


def test_a_copy_without_any_seen_sentence_has_no_such_set_and_keeps_no_earlier_one(tmp_path: Path) -> None:
    prepare(make_speechocean762(tmp_path / "whole"), tmp_path / "data", NOWHERE)
    copy = make_speechocean762(tmp_path / "copy")
    seen = {utterance(speaker, number) for speaker in TEST for number in (0, 1)}
    for name in ("text", "utt2spk", "wav.scp"):
        table = copy / "speechocean762" / "test" / name
        lines = [line for line in table.read_text().splitlines(keepends=True) if line.split()[0] not in seen]
        table.write_text("".join(lines))
    report = prepare(copy, tmp_path / "data", NOWHERE)
    assert "test_seen would be empty and is not made; run with --test_sets 'dev test'" in report
    assert not (tmp_path / "data" / "test_seen").exists()


def test_half_a_copy_is_refused(tmp_path: Path) -> None:
    copy = make_speechocean762(tmp_path / "copy")
    (copy / "speechocean762" / "train" / "wav.scp").unlink()
    with pytest.raises(InputError, match=r"speechocean762 has no train/wav.scp; remove it and run again"):
        prepare(copy, tmp_path / "data", NOWHERE)


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    copy = make_speechocean762(tmp_path / "copy", packed=True)
    (copy / "speechocean762.tar.gz").write_bytes(make_tar({"other/a": b"x"}))
    with pytest.raises(InputError, match="holds no folder speechocean762; it is not the archive of speech"):
        prepare(copy, tmp_path / "data", NOWHERE)


def test_a_corpus_that_is_not_named_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="SPEECHOCEAN762 is not set; .* in db.sh or by --local_data_opts"):
        prepare("", tmp_path / "data", NOWHERE)
