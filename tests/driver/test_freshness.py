"""What a directory was made from: done, to be continued, or to be made anew."""

import json
import logging
import os
import shutil

import pytest

from espnet_gmot.driver.freshness import (
    BEGUN,
    DONE,
    NewInput,
    Record,
    content,
    is_fresh,
    stamp,
    stamp_of_directory,
    tables,
)


@pytest.fixture
def made(tmp_path):
    """A directory made from two inputs an hour ago."""
    record = Record(tmp_path / "made", rate=16000, data="a")
    record.begin()
    record.finish()
    age(tmp_path / "made" / DONE)
    return tmp_path / "made"


def age(path, seconds=3600):
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def test_nothing_is_done_before_it_is_made(tmp_path):
    record = Record(tmp_path / "new", rate=16000)
    assert (record.is_done(), record.changes()) == (False, [])


def test_done_from_the_same_inputs_alone(made):
    assert Record(made, rate=16000, data="a").is_done()
    assert not Record(made, rate=8000, data="a").is_done()
    assert not Record(made, rate=16000).is_done()
    assert not Record(made, rate=16000, data="a", more=1).is_done()


def test_changes_are_named(made):
    assert Record(made, rate=8000, data="a").changes() == ["rate"]
    assert Record(made, rate=16000, cleaner="none").changes() == ["cleaner", "data"]


def test_what_is_still_done_and_what_has_changed_is_told(made, caplog):
    caplog.set_level(logging.INFO)
    assert Record(made, rate=16000, data="a").is_still_done()
    assert caplog.messages == [f"already done (remove {made}/.done to redo)"]
    assert not Record(made, rate=8000, data="b").is_still_done()
    assert caplog.messages[1:] == [f"the inputs of {made} have changed (rate, data); making it again"]
    assert not Record(made / "new", rate=8000).is_still_done()
    assert len(caplog.messages) == 2


def test_mappings_are_the_same_in_any_order(tmp_path):
    record = Record(tmp_path, optim={"lr": 0.1, "eps": [1, 2]})
    record.begin()
    record.finish()
    assert Record(tmp_path, optim={"eps": [1, 2], "lr": 0.1}).is_done()
    assert not Record(tmp_path, optim={"eps": [2, 1], "lr": 0.1}).is_done()


def test_what_was_begun_is_not_done_and_goes_on_from_then(tmp_path):
    record = Record(tmp_path, rate=16000)
    record.begin()
    age(tmp_path / BEGUN)
    since = (tmp_path / BEGUN).stat().st_mtime
    assert not record.is_done()
    assert Record(tmp_path, rate=16000).begin() == pytest.approx(since)
    assert Record(tmp_path, rate=8000).begin() > since + 3000


def test_a_directory_begun_anew_is_not_done(made):
    record = Record(made, rate=8000, data="a")
    record.begin()
    assert not Record(made, rate=16000, data="a").is_done()
    record.finish()
    assert record.is_done()
    assert sorted(path.name for path in made.iterdir()) == [DONE]


def test_files_stay_where_only_other_inputs_have_changed(made):
    then = (made / DONE).stat().st_mtime
    assert Record(made, rate=16000, data="b").begin("rate") == pytest.approx(then)
    assert Record(made, rate=8000, data="b").begin("rate") > then + 3000


def test_removing_the_record_makes_all_anew(made):
    then = (made / DONE).stat().st_mtime
    (made / DONE).unlink()
    assert Record(made, rate=16000, data="a").begin() > then + 3000


def test_a_record_of_an_earlier_version_is_taken_with_a_warning(tmp_path, caplog):
    for former in ("wav 3847562938 5120\n", "1234\n"):
        (tmp_path / DONE).write_text(former)
        assert not Record(tmp_path, rate=16000).is_done()
        assert Record(tmp_path, rate=16000).is_still_done()
        assert f"{tmp_path / DONE} is of an earlier version" in caplog.text
        assert Record(tmp_path, rate=8000).changes() == ["rate"]  # what changes from now on is seen


def test_a_training_of_an_earlier_version_that_was_done_has_both_records(tmp_path, caplog):
    for name in (BEGUN, DONE):
        (tmp_path / name).write_text("1234 x\n")
    assert Record(tmp_path, rate=16000).is_still_done()
    assert not (tmp_path / BEGUN).exists()
    assert caplog.text.count("of an earlier version") == 1


def test_a_record_of_an_earlier_version_is_not_taken_if_an_input_is_younger(tmp_path, caplog):
    (tmp_path / DONE).write_text("wav 3847562938 5120\n")
    age(tmp_path / DONE)
    (tmp_path / "text").write_text("u1 a\n")
    assert not Record(tmp_path, rate=16000).is_still_done(tmp_path / "text")
    assert "inputs are younger" in caplog.text
    age(tmp_path / "text", 7200)
    assert Record(tmp_path, rate=16000).is_still_done(tmp_path / "text")


def test_a_key_without_a_value_is_no_change(made):
    assert Record(made, rate=16000, data="a", patience=None).is_done()


def test_an_input_may_have_any_name(tmp_path):
    assert Record(tmp_path, directory="x", self="y").inputs == {"directory": "x", "self": "y"}


def test_a_record_cut_off_while_begun_is_begun_anew(tmp_path, caplog):
    (tmp_path / BEGUN).write_text('{"rate": 160')
    age(tmp_path / BEGUN)
    then = (tmp_path / BEGUN).stat().st_mtime
    assert Record(tmp_path, rate=16000).begin() > then + 3000
    assert f"{tmp_path / BEGUN} cannot be compared with today's inputs" in caplog.text


def test_a_record_can_be_read_by_people(tmp_path):
    Record(tmp_path, rate=16000, wav_scp={"u": "x" * 100}).begin()
    found = json.loads((tmp_path / BEGUN).read_text())
    assert found["rate"] == 16000
    assert len(found["wav_scp"]) == 16


def test_content_changes_with_bytes_and_with_their_place(tmp_path):
    one, two = tmp_path / "1", tmp_path / "2"
    one.write_text("ab")
    two.write_text("c")
    first = content(one, two)
    assert content(one, two) == first
    one.write_text("a")
    two.write_text("bc")
    assert content(one, two) != first
    assert content(one, tmp_path / "gone") != content(one)


def test_tables_sees_every_visible_file_and_follows_a_link(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "text").write_text("u1 a\n")
    (tmp_path / "link").symlink_to(data)
    first = tables(data)
    assert tables(tmp_path / "link") == first
    (data / ".done").write_text("x")
    (data / "sub").mkdir()
    assert tables(data) == first
    (data / "utt2spk").write_text("u1 s\n")
    assert tables(data).keys() == {"text", "utt2spk"}
    assert tables(data)["text"] == first["text"]
    (data / "text").write_text("u1 b\n")
    assert tables(data)["text"] != first["text"]


def test_stamp_changes_when_a_file_is_written_again(tmp_path):
    model = tmp_path / "model.pth"
    model.write_bytes(b"12")
    first = stamp(model)
    assert stamp(model) == first
    moved = tmp_path / "moved" / "model.pth"
    moved.parent.mkdir()
    shutil.copy2(model, moved)
    os.utime(moved, (int(moved.stat().st_mtime),) * 2)  # as tar keeps it
    assert stamp(moved) == first
    age(model)
    assert stamp(model) != first


def test_stamp_of_a_directory_changes_with_any_file_below_it(tmp_path):
    stamps = [stamp_of_directory(tmp_path / "bert")]
    weights = tmp_path / "bert/onnx/model.onnx"
    weights.parent.mkdir(parents=True)
    assert stamp_of_directory(tmp_path / "bert") == stamps[0]
    weights.write_bytes(b"weights")
    stamps.append(stamp_of_directory(tmp_path / "bert"))
    age(weights)
    stamps.append(stamp_of_directory(tmp_path / "bert"))
    assert len(set(stamps)) == 3


def test_fresh_is_what_was_written_after_its_sources(tmp_path):
    source, path = tmp_path / "source", tmp_path / "path"
    source.write_text("")
    assert not is_fresh(path, 0.0)
    path.write_text("")
    assert is_fresh(path, 0.0, [source, tmp_path / "gone"])
    assert not is_fresh(path, path.stat().st_mtime + 1)
    age(path)
    assert not is_fresh(path, 0.0, [source])


@pytest.fixture
def made_by_version_1(tmp_path):
    """A finished directory whose record knows nothing of audio."""
    (tmp_path / DONE).write_text('{"rate": 16000, "speed perturbation": "x"}')
    os.utime(tmp_path / DONE, (1000, 1000))
    return tmp_path


def test_a_new_input_is_taken_as_it_was_with_a_warning_unless_it_is_younger(made_by_version_1, caplog):
    younger = Record(made_by_version_1, rate=16000, audio=NewInput("a", 1001))
    assert younger.changes() == ["audio"]
    assert not younger.is_still_done()
    assert Record(made_by_version_1, rate=16000, audio=NewInput("a", 1000)).is_still_done()
    assert f"{made_by_version_1 / DONE} is of an earlier version and cannot be compared" in caplog.text
    assert caplog.text.count("is of an earlier version") == 1
    assert (made_by_version_1 / DONE).stat().st_mtime == 1000  # files of then stay fresh
    assert Record(made_by_version_1, rate=16000, audio=NewInput("b", 1)).changes() == ["audio"]


def test_an_input_that_was_added_counts_also_against_an_earlier_version(made_by_version_1):
    record = Record(made_by_version_1, rate=16000, audio=NewInput("a"), lm="x")
    assert record.changes() == ["lm"]
    assert not record.is_still_done()


def test_a_new_input_counts_against_todays_records_as_any_other(tmp_path):
    record = Record(tmp_path, rate=16000)
    record.begin()
    record.finish()
    assert Record(tmp_path, rate=16000, volume=NewInput(0.1)).changes() == ["volume"]


def test_what_version_1_began_goes_on_with_a_warning(made_by_version_1, caplog):
    (made_by_version_1 / DONE).rename(made_by_version_1 / BEGUN)
    record = Record(made_by_version_1, rate=16000, audio=NewInput("a", 999))
    assert record.begin() == 1000
    assert f"{made_by_version_1 / BEGUN} is of an earlier version" in caplog.text
    assert "(audio): gone on with as made from them" in caplog.text
    assert not Record(made_by_version_1, rate=16000, audio=NewInput("b", 999)).continues()


def test_an_input_that_is_not_known_differs_and_leaves_the_record(made):
    record = Record(made, rate=16000, data=NewInput(None))
    before = (made / DONE).read_text()
    assert record.changes() == ["data"]
    record.begin()
    record.finish()
    assert (made / DONE).read_text() == before
    assert Record(made, rate=16000, data=NewInput("a")).is_done()
