"""Files that appear whole or not at all."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from espnet_gmot import files
from espnet_gmot.errors import InputError


def test_a_file_appears_when_its_block_ends(tmp_path):
    target = tmp_path / "new" / "text.gz"
    with files.write_aside(target) as aside:
        aside.write_text("utt1 hello")
        assert aside.suffix == ".gz" and aside.parent == target.parent
        assert not target.exists()
    assert target.read_text() == "utt1 hello"
    assert list(target.parent.iterdir()) == [target]


def test_a_block_that_fails_leaves_the_former_file_and_nothing_else(tmp_path):
    target = tmp_path / "text"
    target.write_text("former")
    with pytest.raises(KeyboardInterrupt), files.write_aside(target) as aside:
        aside.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "former"
    assert list(tmp_path.iterdir()) == [target]


def test_threads_that_write_side_by_side_leave_the_rights_of_new_files_as_they_are(tmp_path):
    former = os.umask(0o027)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: files.write_text(tmp_path / f"{number}", "x"), range(400)))
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o640}
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(former)


def test_a_text_is_written_as_it_is_in_utf8(tmp_path):
    files.write_text(tmp_path / "new" / "text", "人\r\n")
    assert (tmp_path / "new" / "text").read_bytes() == "人\r\n".encode()


def test_a_text_that_cannot_be_written_leaves_the_former_file(tmp_path):
    (tmp_path / "text").write_text("former")
    with pytest.raises(UnicodeEncodeError):
        files.write_text(tmp_path / "text", "\ud800")
    assert (tmp_path / "text").read_text() == "former"
    assert list(tmp_path.iterdir()) == [tmp_path / "text"]


def test_a_file_gets_the_usual_permissions(tmp_path):
    (tmp_path / "usual").touch()
    with files.write_aside(tmp_path / "text"):
        pass
    assert (tmp_path / "text").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_directory_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "model"
    with pytest.raises(RuntimeError), files.write_dir_aside(target) as aside:
        (aside / "half").touch()
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with files.write_dir_aside(target) as aside:
        (aside / "whole").touch()
        assert not target.exists()
    assert [path.name for path in target.iterdir()] == ["whole"]
    with pytest.raises(InputError, match="model exists already; remove it"), files.write_dir_aside(target):
        pass


WRITER = """
import sys, time
from espnet_gmot import files
with getattr(files, sys.argv[1])(sys.argv[2]) as aside:
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("function", ["write_aside", "write_dir_aside"])
def test_what_a_killed_process_was_writing_goes_and_what_another_is_writing_stays(tmp_path, function):
    def writer(name):
        command = [sys.executable, "-c", WRITER, function, str(tmp_path / name)]
        paths = os.pathsep.join(filter(None, sys.path))
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": paths})
        assert process.stdout.readline() == b"writing\n"
        return process

    with writer("killed") as killed:
        killed.kill()
    orphans = set(tmp_path.iterdir())
    with writer("alive") as alive:
        in_use = set(tmp_path.iterdir())
        files._remove_orphans.cache_clear()
        files.write_text(tmp_path / "text", "whole")
        left = set(tmp_path.iterdir())
        alive.kill()
    assert len(orphans) == len(in_use) == 1 and orphans != in_use
    assert left == in_use | {tmp_path / "text"}


@pytest.mark.parametrize(("node", "hours", "stays"), [("b", 23, True), ("b", 25, False), ("a", 0, False)])
def test_what_another_machine_makes_has_a_day(tmp_path, monkeypatch, node: str, hours: int, stays: bool):
    monkeypatch.setattr(files, "ASIDE_HERE", ".aside.a.")
    made = tmp_path / f".aside.{node}.x"
    made.write_text("half")
    then = time.time() - 3600 * hours
    os.utime(made, (then, then))
    files.write_text(tmp_path / "text", "whole")
    assert made.exists() == stays


def test_a_file_that_was_taken_for_an_orphan_at_once_is_made_again(tmp_path, monkeypatch):
    def make_and_lose(**options):
        handle, name = make(**options)
        if not lost:
            lost.append(os.unlink(name))
        return handle, name

    make, lost = files.tempfile.mkstemp, []
    monkeypatch.setattr(files.tempfile, "mkstemp", make_and_lose)
    files.write_text(tmp_path / "text", "whole")
    assert len(lost) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_a_block_may_fail_for_want_of_a_file(tmp_path):
    with pytest.raises(FileNotFoundError), files.write_aside(tmp_path / "text"):
        (tmp_path / "none").read_text()


def test_a_file_that_is_missing_or_empty_is_refused_with_the_cure(tmp_path):
    path = tmp_path / "text"
    with pytest.raises(InputError, match="text does not exist; run stage 1"):
        files.require_file(path, "run stage 1")
    path.touch()
    with pytest.raises(InputError, match="text is empty; run stage 1"):
        files.require_file(path, "run stage 1")
    path.write_text("utt1 hello")
    assert files.require_file(str(path), "run stage 1") == path


def test_space_is_asked_of_the_disk_of_a_directory_to_be(tmp_path):
    files.require_free_space(tmp_path / "not" / "yet", 1)
    with pytest.raises(InputError, match="GB free and 1000000000.00 GB are needed"):
        files.require_free_space(tmp_path / "not" / "yet", 10**18)


def test_what_a_directory_holds_is_not_needed_again(tmp_path):
    assert files.bytes_missing(tmp_path, 1000) == 1000 + files.TABLES_BYTES
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "made").write_bytes(bytes(600))
    assert files.bytes_missing(tmp_path, 1000) == 400 + files.TABLES_BYTES
    assert files.bytes_missing(tmp_path, 500) == files.TABLES_BYTES


IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.text(
    st.sampled_from("./%~0aA长😀"), max_size=300
)


@given(IDS, st.sampled_from([".wav", ".flac", ""]))
@example("..", "")
@example("/etc/passwd", ".wav")
@example("a\0b", ".wav")
def test_a_file_name_is_one_component_that_a_file_system_takes(tmp_path_factory, name, suffix):
    found = files.file_name(name, suffix)
    assert "/" not in found and "\0" not in found and not found.startswith(".") or not name
    assert found.endswith(suffix) and len(found.encode()) <= 255
    if name:
        folder = tmp_path_factory.getbasetemp() / "names"
        folder.mkdir(exist_ok=True)
        (folder / found).touch()
        assert found in os.listdir(folder)
        (folder / found).unlink()


@given(st.lists(IDS, unique=True, min_size=2), st.sampled_from([".wav", ""]))
@example(["a/b", "a%2Fb", "a%252Fb"], ".wav")
@example([".a", "%2Ea", "..a", ".%2Ea"], "")
@example(["x" * 251 + "y", "x" * 251 + "z", "x" * 251], ".wav")
def test_every_id_has_a_file_name_of_its_own(ids, suffix):
    ids = {*ids, *(files.file_name(name, suffix).removesuffix(suffix) for name in ids)}  # also what looks so
    assert len({files.file_name(name, suffix) for name in ids}) == len(ids)


@pytest.mark.parametrize(
    "name", ["BAC009S0002W0122", "sp0.9-u1", "说话人-话01", "a_b.c-d+e=f@g:h,i", "é~#()"]
)
def test_ordinary_ids_stay_as_they_are(name):
    assert files.file_name(name, ".wav") == f"{name}.wav"


def test_a_file_that_is_there_stays_and_of_several_writers_one_wins(tmp_path):
    files.write_if_missing(tmp_path / "meta.json", "first")
    files.write_if_missing(tmp_path / "meta.json", "second")
    assert (tmp_path / "meta.json").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["meta.json"]


def test_a_file_system_without_hard_links_will_do(tmp_path, monkeypatch):
    def no_links(self, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    test_a_file_that_is_there_stays_and_of_several_writers_one_wins(tmp_path)
