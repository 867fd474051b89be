import re
import subprocess
from pathlib import Path

import pytest

from espnet_gmot.data.kaldi_data import check_data_dir, read_data_dir, write_data_dir, write_table
from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.errors import InputError

UTTERANCES = ["b-2", "a-1", "B-3"]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_data_dir(
        tmp_path,
        {u: f"wav/{u}.wav" for u in UTTERANCES},
        dict.fromkeys(UTTERANCES, "ni hao"),
        {u: u[0] for u in UTTERANCES},
    )
    return tmp_path


def test_written_directory_is_sorted_in_c_order_and_consistent(directory: Path) -> None:
    data = check_data_dir(directory)
    assert list(data.wav_scp) == ["B-3", "a-1", "b-2"]
    assert data.text["a-1"] == "ni hao"
    assert (directory / "spk2utt").read_text() == "B B-3\na a-1\nb b-2\n"
    assert data.segments is None


def test_unicode_line_separator_stays_inside_its_transcript(tmp_path: Path) -> None:
    write_table(tmp_path / "text", {"u": "你\u2028好"})
    assert read_table(tmp_path / "text") == {"u": "你\u2028好"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"u1 a\nu1 b\n", r"text:2: id u1 comes twice; keep one"),
        (b"u1 a\nu2\n", r"text:2: id u2 has no value; complete or remove"),
        (b"u1 a\n\nu2 b\n", r"text:2: an empty line; remove it"),
        (b"u1 \xff\n", r"text is not UTF-8 .*; convert"),
    ],
)
def test_bad_tables_are_refused_with_file_line_and_cure(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_table(tmp_path / "text")


def test_decoded_text_may_be_empty(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("u1\nu2 a\n")
    assert read_table(tmp_path / "text", allow_empty=True) == {"u1": "", "u2": "a"}


@pytest.mark.parametrize("name", ["wav.scp", "text", "utt2spk", "spk2utt"])
def test_missing_table_is_named(directory: Path, name: str) -> None:
    (directory / name).unlink()
    with pytest.raises(InputError, match=rf"{name} does not exist; make the data directory again"):
        check_data_dir(directory)


def test_ids_that_differ_are_counted_and_named(directory: Path) -> None:
    table = read_table(directory / "text")
    del table["a-1"]
    write_table(directory / "text", table | {"x-9": "zai jian"})
    expected = (
        r"wav.scp has 3 ids and .*text has 3: only in the first: 1 \(a-1\); .* second: 1 \(x-9\); remove"
    )
    with pytest.raises(InputError, match=expected):
        check_data_dir(directory)


def test_empty_transcript_is_refused(directory: Path) -> None:
    (directory / "text").write_text("B-3 x\na-1\nb-2 y\n")
    with pytest.raises(InputError, match=r"text:2: id a-1 has no value"):
        check_data_dir(directory)


def test_unsorted_table_is_refused(directory: Path) -> None:
    (directory / "utt2spk").write_text("a-1 a\nB-3 B\nb-2 b\n")
    with pytest.raises(InputError, match=r"utt2spk is not sorted at id a-1; sort it with LC_ALL=C sort"):
        check_data_dir(directory)


def test_spk2utt_that_disagrees_is_refused(directory: Path) -> None:
    (directory / "spk2utt").write_text("B B-3\na a-1 b-2\n")
    with pytest.raises(InputError, match=r"spk2utt does not agree with utt2spk"):
        check_data_dir(directory)


def test_segments_take_the_place_of_wav_scp_ids(directory: Path) -> None:
    write_table(directory / "wav.scp", {"recording": "long.wav"})
    write_table(directory / "segments", dict.fromkeys(UTTERANCES, "recording 0 1"))
    assert check_data_dir(directory).wav_scp == {"recording": "long.wav"}


def test_empty_directory_and_missing_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere does not exist; make the data directory again"):
        read_data_dir(tmp_path / "nowhere")
    write_data_dir(tmp_path, {}, {}, {})
    with pytest.raises(InputError, match="wav.scp holds no utterance"):
        check_data_dir(tmp_path)


def test_transcripts_are_read_with_plain_spaces_and_the_file_is_named(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (directory / "text").write_text("B-3 ni\u3000hao\na-1 ni\thao\nb-2 ni hao\n", encoding="utf-8")
    assert check_data_dir(directory).text == dict.fromkeys(["B-3", "a-1", "b-2"], "ni hao")
    assert f"{directory / 'text'}: 2 transcripts have white space" in caplog.text


def test_every_table_may_begin_with_a_byte_order_mark(directory: Path) -> None:
    expected = check_data_dir(directory)
    for path in directory.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert check_data_dir(directory) == expected


def test_a_mark_that_sorting_moved_is_named_with_both_cures(directory: Path) -> None:
    text = directory / "text"
    text.write_bytes(b"\xef\xbb\xbf" + text.read_bytes())
    text.write_bytes(b"".join(sorted(text.read_bytes().splitlines(keepends=True))))  # LC_ALL=C sort
    with pytest.raises(
        InputError, match=r"text is not sorted at id a-1; take its byte-order marks out"
    ) as raised:
        check_data_dir(directory)
    (command,) = re.findall(r"\((sed .*)\) and then sort it with LC_ALL=C sort$", str(raised.value))
    subprocess.run(["sh", "-c", f"{command}; LC_ALL=C sort {text} -o {text}"], check=True)
    assert list(check_data_dir(directory).text) == ["B-3", "a-1", "b-2"]


@pytest.mark.parametrize("name", ["text", "wav.scp", "utt2spk", "spk2utt"])
def test_columns_may_be_separated_by_any_white_space(directory: Path, name: str) -> None:
    expected = check_data_dir(directory)
    path = directory / name
    path.write_text(path.read_text().replace(" ", "\t", 1).replace(" a-1", "  a-1"))
    assert check_data_dir(directory) == expected


def test_all_faults_of_a_directory_are_named_at_once(directory: Path) -> None:
    write_table(directory / "text", {"B-3": "x", "a-1": "y"})
    (directory / "utt2spk").write_text("b-2 b\nB-3 B\n")
    with pytest.raises(InputError) as refusal:
        check_data_dir(directory)
    told = str(refusal.value)
    assert told.startswith(f"4 faults:\n  {directory}/utt2spk is not sorted at id b-2; sort it")
    for name in ("text has 2: only in the first: 1 (b-2)", "utt2spk has 2: only in the first: 1 (a-1)"):
        assert name in told
    assert "spk2utt does not agree with utt2spk" in told


def test_all_tables_that_cannot_be_read_are_named_at_once(directory: Path) -> None:
    (directory / "utt2spk").unlink()
    (directory / "text").write_text("B-3 x\na-1\n")
    (directory / "segments").write_text("u1 r1 0 1\n\n")
    with pytest.raises(InputError) as refusal:
        check_data_dir(directory)
    told = str(refusal.value)
    assert told.startswith(f"3 faults:\n  {directory}/text:2: id a-1 has no value; ")
    assert "utt2spk does not exist" in told and "segments:2: an empty line" in told
