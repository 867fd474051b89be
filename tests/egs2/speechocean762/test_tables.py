"""The official tables against the recordings: a speaker may be absent, a file may not."""

from pathlib import Path

import pytest
from speechocean762.tables import read_set
from speechocean762_shape import TRAIN, make_speechocean762, utterance

from espnet_gmot.errors import InputError


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return make_speechocean762(tmp_path) / "speechocean762"


def test_a_speaker_without_recordings_is_left_out_and_named(copy: Path) -> None:
    for speaker in ("0001", "9649"):
        for wav in (copy / "WAVE" / f"SPEAKER{speaker}").iterdir():
            wav.unlink()
    found, warnings = read_set(copy, "train")
    assert found.speakers == ["0006", "0075", "0482"]
    assert found.wavs.keys() == found.text.keys() == found.utt2spk.keys()
    assert warnings[0] == "warning: train: 2 speakers have no recording and are left out: 0001, 9649"


def test_a_recording_that_is_missing_is_refused_by_name(copy: Path) -> None:
    wavs = [copy / "WAVE" / "SPEAKER0482" / f"{utterance('0482', number)}.WAV" for number in (1, 3)]
    for wav in wavs:
        wav.unlink()
    with pytest.raises(InputError) as refusal:
        read_set(copy, "train")
    assert str(refusal.value) == (
        f"{wavs[0]} does not exist: 2 recordings of train are missing whose speakers have others; "
        f"remove {copy} and unpack it again"
    )


def test_a_set_without_any_recording_is_refused(copy: Path) -> None:
    (copy / "WAVE").rename(copy / "wave")
    with pytest.raises(
        InputError, match=r"train: none of its 20 recordings is in .*; let SPEECHOCEAN762 name"
    ):
        read_set(copy, "train")


@pytest.mark.parametrize("table", ["text", "utt2spk", "wav.scp"])
def test_a_table_that_is_missing_is_refused(copy: Path, table: str) -> None:
    (copy / "test" / table).unlink()
    with pytest.raises(
        InputError, match=rf"test/{table} does not exist; let SPEECHOCEAN762 name a whole copy"
    ):
        read_set(copy, "test")


@pytest.mark.parametrize("table", ["text", "utt2spk"])
def test_tables_of_other_utterances_are_refused(copy: Path, table: str) -> None:
    lines = (copy / "test" / table).read_text().splitlines(keepends=True)
    (copy / "test" / table).write_text("".join(lines[1:]))
    message = rf"1 utterances of .*test/wav.scp are not in .*test/{table} \(first: {utterance('0003', 0)}\)"
    with pytest.raises(InputError, match=message):
        read_set(copy, "test")


def test_a_sentence_that_is_empty_is_refused_with_its_line(copy: Path) -> None:
    with (copy / "train" / "text").open("a") as text:
        text.write("096490099\t\n")
    with pytest.raises(InputError, match=r"train/text:21: id 096490099 has no value"):
        read_set(copy, "train")


def test_spaces_and_capitals_of_the_text_are_evened_out(copy: Path) -> None:
    text = copy / "test" / "text"
    first, *others = text.read_text().splitlines()
    text.write_text("\n".join([f"{first.split()[0]}\t I'M  No\u00a0ACTOR ", *others]) + "\n")
    found, _ = read_set(copy, "test")
    assert found.text[utterance("0003", 0)] == "i'm no actor"


def test_part_of_a_set_has_its_tables_alike_and_sorted(copy: Path) -> None:
    found, _ = read_set(copy, "train")
    wanted = [utterance(speaker, 2) for speaker in reversed(TRAIN)]
    part = found.of(wanted)
    assert list(part.wavs) == list(part.text) == list(part.utt2spk) == sorted(wanted)
    assert part.speakers == sorted(TRAIN)
