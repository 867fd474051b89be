"""Archives that are whole, cut off, damaged or malicious."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from aishell import unpack
from aishell.unpack import unpack_outer, unpack_speakers
from aishell_shape import make_tar

from espnet_gmot.errors import InputError

FILES = {"data_aishell/transcript/a.txt": b"text", "data_aishell/wav/S0002.tar.gz": bytes(range(256)) * 300}
WAVS = {f"train/S0002/u{index}.wav": bytes([index]) * 5000 for index in range(4)}


def tar_of(*members: tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for member in members:
            tar.addfile(member)
    return stream.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_outer_archive_comes_whole_and_stays(tmp_path: Path) -> None:
    archive = tmp_path / "data_aishell.tgz"
    archive.write_bytes(make_tar(FILES))
    assert unpack_outer(archive, tmp_path) == tmp_path / "data_aishell"
    assert tree(tmp_path) == FILES | {"data_aishell.tgz": archive.read_bytes()}


def cut_off(content: bytes) -> bytes:
    return content[: len(content) // 2]


def cut_before_checksum(content: bytes) -> bytes:
    return content[:-8]


def wrong_checksum(content: bytes) -> bytes:
    return content[:-8] + b"12345678"


def no_archive(_: bytes) -> bytes:
    return b"<html>Not found</html>"


def empty(_: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("damage", [cut_off, cut_before_checksum, wrong_checksum, no_archive, empty])
def test_damaged_outer_archive_is_refused_and_leaves_nothing(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    archive = tmp_path / "data_aishell.tgz"
    archive.write_bytes(damage(make_tar(FILES)))
    with pytest.raises(
        InputError, match=r"data_aishell.tgz is cut off or damaged .*; copy it again, or rename"
    ):
        unpack_outer(archive, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["data_aishell.tgz"]
    archive.write_bytes(make_tar(FILES))  # the cure
    unpack_outer(archive, tmp_path)
    assert FILES.items() <= tree(tmp_path).items()


def test_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data_aishell.tgz").write_bytes(make_tar({"data_thchs30/a.wav": b"audio"}))
    with pytest.raises(InputError, match="holds no folder data_aishell; it is not the archive of AISHELL-1"):
        unpack_outer(tmp_path / "data_aishell.tgz", tmp_path)


def test_what_a_killed_run_left_is_made_again(tmp_path: Path) -> None:
    half = tmp_path / ".data_aishell.partial" / "data_aishell" / "wav" / "S0002.tar.gz"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    (tmp_path / "data_aishell.tgz").write_bytes(make_tar(FILES))
    unpack_outer(tmp_path / "data_aishell.tgz", tmp_path)
    assert FILES.items() <= tree(tmp_path).items()
    assert not (tmp_path / ".data_aishell.partial").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (make_tar({"../evil": b"x"}), r"member \.\./evil leads out of the folder"),
        (make_tar({"train/../../evil": b"x"}), r"member train/\.\./\.\./evil leads out of the folder"),
        (make_tar({"/tmp/evil": b"x"}), "member /tmp/evil leads out of the folder"),
        (make_tar({"S0003.tar.gz": b"x"}), "member S0003.tar.gz lies in no folder"),
        (make_tar({"wav": b"x"}), "member wav is no plain file"),
        (make_tar({f"train/{'x' * 300}.wav": b"x"}), "member train/x+.wav has too long a name"),
        (tar_of(link("train", "/tmp")), "member train is no plain file"),
        (tar_of(link("train/u.wav", "/etc/passwd", tarfile.LNKTYPE)), "member train/u.wav is no plain file"),
        (tar_of(link("pipe", "", tarfile.FIFOTYPE)), "member pipe is no plain file"),
        (tar_of(link("device", "", tarfile.CHRTYPE)), "member device is no plain file"),
    ],
    ids=[
        "parent",
        "parent_inside",
        "absolute",
        "beside_archives",
        "no_name",
        "long",
        "symbolic_link",
        "hard_link",
        "fifo",
        "device",
    ],
)
def test_malicious_member_is_refused_by_name(tmp_path: Path, content: bytes, message: str) -> None:
    wav = tmp_path / "outer" / "wav"
    wav.mkdir(parents=True)
    (wav / "S0002.tar.gz").write_bytes(content)
    with pytest.raises(InputError, match=rf"S0002.tar.gz: {message}; do not use this archive"):
        unpack_speakers(wav, nj=1)
    assert tree(tmp_path) == {"outer/wav/S0002.tar.gz": content}


@pytest.mark.parametrize("prefix", ["", "./", "wav/", "./wav/"])
def test_speaker_archive_of_either_form_is_unpacked_once(
    tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "S0002.tar.gz"
    archive.write_bytes(make_tar({prefix + name: content for name, content in WAVS.items()}))
    assert unpack_speakers(tmp_path, nj=1) == 4
    assert tree(tmp_path) == WAVS | {"S0002.tar.gz": archive.read_bytes(), ".S0002.tar.gz.unpacked": b""}
    monkeypatch.setattr(unpack, "extract", None)  # would fail if it was called
    assert unpack_speakers(tmp_path, nj=1) == 0


def test_only_what_is_missing_or_of_another_size_is_written(tmp_path: Path) -> None:
    (tmp_path / "S0002.tar.gz").write_bytes(make_tar(WAVS))
    mine, half = tmp_path / "train/S0002/u1.wav", tmp_path / "train/S0002/u2.wav"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"m" * 5000)
    half.write_bytes(b"h" * 100)
    assert unpack_speakers(tmp_path, nj=1) == 3
    assert mine.read_bytes() == b"m" * 5000
    assert half.read_bytes() == WAVS["train/S0002/u2.wav"]


def test_nothing_is_written_beside_an_unpacked_copy(tmp_path: Path) -> None:
    whole = {"S0002.tar.gz": make_tar(WAVS)} | WAVS
    for name, content in whole.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert unpack_speakers(tmp_path, nj=1) == 0
    assert tree(tmp_path) == whole


@pytest.mark.parametrize("damage", [cut_off, cut_before_checksum, wrong_checksum])
@pytest.mark.parametrize("nj", [1, 2])
def test_damaged_speaker_archive_is_named_and_its_files_stay_out(
    tmp_path: Path, damage: Callable[[bytes], bytes], nj: int
) -> None:
    for speaker in ("S0002", "S0003", "S0004"):
        (tmp_path / f"{speaker}.tar.gz").write_bytes(make_tar({f"train/{speaker}/u.wav": b"audio" * 1000}))
    good = (tmp_path / "S0003.tar.gz").read_bytes()
    (tmp_path / "S0003.tar.gz").write_bytes(damage(good))
    with pytest.raises(
        InputError, match=r"S0003.tar.gz is cut off or damaged .*; unpack it from data_aishell"
    ):
        unpack_speakers(tmp_path, nj)
    assert not (tmp_path / "train" / "S0003").exists()
    (tmp_path / "S0003.tar.gz").write_bytes(good)  # the cure
    unpack_speakers(tmp_path, nj)
    assert len(list(tmp_path.glob("train/*/u.wav"))) == 3


def test_all_damaged_archives_are_told_at_once(tmp_path: Path) -> None:
    for speaker in ("S0002", "S0003", "S0004"):
        (tmp_path / f"{speaker}.tar.gz").write_bytes(make_tar({f"train/{speaker}/u.wav": b"audio" * 1000}))
    for speaker in ("S0002", "S0004"):
        archive = tmp_path / f"{speaker}.tar.gz"
        archive.write_bytes(cut_off(archive.read_bytes()))
    with pytest.raises(InputError, match=r"2 of 3 archives cannot be used:\n  .*S0002.*\n  .*S0004"):
        unpack_speakers(tmp_path, nj=1)
    assert (tmp_path / "train/S0003/u.wav").exists()
