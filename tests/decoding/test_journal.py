import json
import os

import pytest

from espnet_gmot.decoding.best_path import BestPath
from espnet_gmot.decoding.cost import Cost
from espnet_gmot.decoding.journal import Journal

FIRST = BestPath([2, 3], [0, 4], [1, 6], [0.5, 0.75], -1.25)
SECOND = BestPath([], [], [], [], 0.0)
COST = Cost(16000, 0.5, "cpu")


@pytest.fixture
def inputs(tmp_path):
    for name in ("model.pth", "wav.scp"):
        (tmp_path / name).write_text("old")
    return [tmp_path / "model.pth", tmp_path / "wav.scp"]


def test_rerun_continues(tmp_path, inputs):
    journal = Journal(tmp_path / "out" / "best_paths.jsonl", inputs)
    journal.add({"一": FIRST}, {"一": COST})
    journal.add({"b": SECOND}, {"b": COST})
    again = Journal(journal.path, inputs)
    assert again.done == {"一": FIRST, "b": SECOND}
    assert again.costs == {"一": COST, "b": COST}


def test_what_an_earlier_version_wrote_is_continued_without_costs(tmp_path, inputs):
    journal = Journal(tmp_path / "best_paths.jsonl", inputs)
    with journal.path.open("a") as file:
        file.write('["a", [2, 3], [0, 4], [1, 6], [0.5, 0.75], -1.25]\n')
    again = Journal(journal.path, inputs)
    again.add({"b": SECOND}, {"b": COST})
    again = Journal(journal.path, inputs)
    assert (again.done, again.costs) == ({"a": FIRST, "b": SECOND}, {"b": COST})


def test_line_that_was_cut_off_is_dropped(tmp_path, inputs):
    journal = Journal(tmp_path / "best_paths.jsonl", inputs)
    journal.add({"a": FIRST, "b": FIRST}, {"a": COST, "b": COST})
    journal.path.write_text(journal.path.read_text()[:-9])
    again = Journal(journal.path, inputs)
    assert again.done == {"a": FIRST}
    assert again.costs == {"a": COST}
    again.add({"b": SECOND}, {"b": COST})
    assert Journal(journal.path, inputs).done == {"a": FIRST, "b": SECOND}


@pytest.mark.parametrize("changed", [0, 1])
def test_other_model_or_data_begin_anew(tmp_path, inputs, changed):
    journal = Journal(tmp_path / "best_paths.jsonl", inputs)
    journal.add({"a": FIRST}, {"a": COST})
    os.utime(inputs[changed], ns=(1, 1))
    assert Journal(journal.path, inputs).done == {}


def test_journal_of_an_earlier_version_is_begun_anew(tmp_path, inputs):
    journal = Journal(tmp_path / "best_paths.jsonl", inputs)
    journal.add({"a": FIRST}, {"a": COST})
    _, *lines = journal.path.read_text().splitlines()
    former = {"inputs": [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in inputs]}
    journal.path.write_text("\n".join([json.dumps(former), *lines]) + "\n")
    assert Journal(journal.path, inputs).done == {}
    assert len(journal.path.read_text().splitlines()) == 1


def test_other_audio_begins_anew_and_unknown_audio_keeps_what_is_there(tmp_path, inputs):
    path = tmp_path / "best_paths.jsonl"
    Journal(path, inputs, "heard").add({"a": FIRST}, {"a": COST})
    for audio, kept in (("heard", True), (None, True), ("heard", True), ("other", False)):
        assert (Journal(path, inputs, audio).done == {"a": FIRST}) == kept


def test_a_journal_without_a_word_of_audio_is_begun_anew(tmp_path, inputs):
    journal = Journal(tmp_path / "best_paths.jsonl", inputs)
    journal.add({"a": FIRST}, {"a": COST})
    header, *lines = journal.path.read_text().splitlines()
    for former in ({"made_from": json.loads(header)["made_from"]}, [1]):
        journal.path.write_text("\n".join([json.dumps(former), *lines]) + "\n")
        assert Journal(journal.path, inputs, "heard").done == {}
