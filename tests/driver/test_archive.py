"""Archives that hold one folder; tests/egs2/aishell/test_unpack.py has the damaged and malicious ones."""

from pathlib import Path

import pytest
from aishell_shape import make_tar

from espnet_gmot.driver import archive
from espnet_gmot.driver.archive import extract, find_unpacked, require_writable, unpack_folder
from espnet_gmot.errors import InputError

FILES = {"corpus/train/text": b"u1 A\n", "corpus/WAVE/u1.WAV": bytes(range(256)) * 300}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("suffix", ["tgz", "tar.gz"])
def test_the_folder_comes_whole_and_the_archive_stays(tmp_path: Path, suffix: str) -> None:
    packed = tmp_path / f"corpus.{suffix}"
    packed.write_bytes(make_tar(FILES))
    assert unpack_folder(packed, tmp_path, "this corpus", "copy it again") == tmp_path / "corpus"
    assert tree(tmp_path) == FILES | {packed.name: packed.read_bytes()}


def test_one_flipped_bit_is_found_without_a_checksum_of_the_archive(tmp_path: Path) -> None:
    content = bytearray(make_tar(FILES))
    content[len(content) // 2] ^= 1
    (tmp_path / "corpus.tar.gz").write_bytes(content)
    with pytest.raises(InputError, match=r"corpus.tar.gz is cut off or damaged .*; copy it again$"):
        unpack_folder(tmp_path / "corpus.tar.gz", tmp_path, "this corpus", "copy it again")
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.tar.gz"]


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "corpus.tgz").write_bytes(make_tar({"other/u.wav": b"audio"}))
    with pytest.raises(InputError, match="holds no folder corpus; it is not the archive of this corpus"):
        unpack_folder(tmp_path / "corpus.tgz", tmp_path, "this corpus", "")


def test_a_disk_too_small_for_what_comes_out_is_refused_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = []
    monkeypatch.setattr(archive, "require_free_space", lambda folder, size: needed.append(size))
    (tmp_path / "corpus.tgz").write_bytes(make_tar(FILES))
    unpack_folder(tmp_path / "corpus.tgz", tmp_path, "this corpus", "", growth=1.5)
    assert needed == [int(1.5 * (tmp_path / "corpus.tgz").stat().st_size)]


def test_only_the_named_prefix_is_taken_off(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(make_tar({"wav/a/u.wav": b"1", "b/u.wav": b"2"}))
    place = tmp_path / "place"
    assert extract(tmp_path / "a.tar.gz", place, place, "", prefix="wav") == [
        Path("a/u.wav"),
        Path("b/u.wav"),
    ]
    assert tree(place) == {"a/u.wav": b"1", "b/u.wav": b"2"}


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file is no folder that can be written; choose another"):
        require_writable(tmp_path / "file" / "below", "choose another")


def test_a_corpus_is_found_itself_or_in_the_folder_that_is_named(tmp_path):
    def find():
        return find_unpacked(tmp_path, "corpus", "train/text", "CORPUS")

    assert find() is None
    (tmp_path / "corpus" / "train").mkdir(parents=True)
    with pytest.raises(InputError, match="corpus has no train/text; remove it .* or correct CORPUS"):
        find()
    (tmp_path / "corpus" / "train" / "text").touch()
    assert find() == tmp_path / "corpus"
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "text").touch()
    assert find() == tmp_path
