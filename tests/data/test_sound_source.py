"""Entries of wav.scp that are files, commands and archives."""

import shutil
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from espnet_gmot.data import sound_source
from espnet_gmot.data.sound_source import archive_of, command_of, locate_sound, run_command
from espnet_gmot.errors import InputError


@pytest.mark.parametrize(
    ("source", "command", "archive"),
    [
        ("a b.wav", None, None),
        ("a.ark", None, None),
        ("a.ark:7", None, ("a.ark", 7)),
        ("a:b.ark:7", None, ("a:b.ark", 7)),
        ("a.wav:7", None, None),
        ("cat a.ark:7 |", "cat a.ark:7", None),
        (" cat a | cat |", "cat a | cat", None),
        ("| cat a", "cat a", None),
    ],
)
def test_kind_of_entry(source: str, command: str | None, archive: tuple[str, int] | None) -> None:
    assert (command_of(source), archive_of(source)) == (command, archive)


def test_a_command_gives_what_it_prints() -> None:
    assert run_command("printf 'a\\0b' | cat") == b"a\0b"
    assert run_command("echo warning >&2; printf a") == b"a"
    assert run_command("cat; printf end") == b"end"  # nothing waits on stdin


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("nosuchprogram -x", "exit status 127: .*nosuchprogram: (command )?not found"),
        ("printf a; exit 3", "exit status 3: it printed no reason"),
        ("false | printf a", "exit status 1: it printed no reason"),
        ("cat /nowhere.wav | cat | cat", r"exit status 1: cat: /nowhere.wav: No such file"),
        ("seq 9 >&2; exit 1", "exit status 1: 7 / 8 / 9"),
        ("kill -9 $$", "exit status -?9|137"),
        ("echo 'half quoted", "exit status [12]: .*"),
    ],
)
@pytest.mark.skipif(shutil.which("bash") is None, reason="sh knows no pipefail")
def test_a_command_that_fails_says_why(command: str, reason: str) -> None:
    with pytest.raises(InputError, match=rf"\| cannot be read as audio \({reason}"):
        run_command(command)


def test_a_command_whose_reader_has_enough_succeeds() -> None:
    assert run_command("yes | head -c 4") == b"y\ny\n"


def test_without_bash_the_last_command_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_source.shutil, "which", lambda _: None)
    assert run_command("false | printf a") == b"a"
    with pytest.raises(InputError, match=r"exit status 127: .*nosuchprogram"):
        run_command("nosuchprogram")


def archive(tmp_path: Path, content: bytes) -> str:
    (tmp_path / "a.ark").write_bytes(b"u1 " + content)
    return f"{tmp_path}/a.ark:3"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no audio in an archive"),
        (b"\0BFM \4\1\0\0\0\4\1\0\0\0\0\0\0\0", "is no audio in an archive; correct the offset"),
        (b"PKLcos\nsystem\n(S'touch evil'\ntR.", "is no audio in an archive"),
        (b"[ 1 2 ]", "is no audio in an archive"),
        (b"AUDIO\x01\x09abc", "cannot be read as audio .the archive is cut off.; make the file again"),
        (b"AUDIO", "is empty"),
        (b"RIFF\xff\0\0\0WAVE", "cannot be read as audio .the archive is cut off"),
    ],
    ids=["end", "matrix", "pickle", "text", "cut", "nothing", "cut_wav"],
)
def test_what_is_no_audio_in_an_archive_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=rf"a.ark:3 {message}"):
        locate_sound(archive(tmp_path, content))


def test_an_archive_gives_one_recording(tmp_path: Path) -> None:
    samples = np.arange(10, dtype=np.int16)
    scp = tmp_path / "a.scp"
    kaldiio.save_ark(str(tmp_path / "a.ark"), {"u1": (8000, samples), "u2": (8000, samples)}, str(scp))
    for line in scp.read_text().splitlines():
        content = locate_sound(line.split()[1])
        assert isinstance(content, bytes)
        assert content.startswith(b"RIFF") and content.endswith(samples.tobytes()) and len(content) == 64


@pytest.mark.parametrize("source", ["/nowhere.wav", "/nowhere.ark:7", "~/a.wav", "/tmp", "a\0b"])
def test_a_missing_file_is_refused(source: str) -> None:
    with pytest.raises(InputError, match=r"does not exist; correct wav.scp or make the file again"):
        locate_sound(source)


def test_an_empty_file_or_output_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    for source in (f"{tmp_path}/a.wav", f"cat {tmp_path}/a.wav |", "true |"):
        with pytest.raises(InputError, match=r"is empty; make the file again"):
            locate_sound(source)
