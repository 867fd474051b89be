"""The files of kept runs: whole, sorted, and changed no more than a new run asks for."""

import multiprocessing
from dataclasses import replace

import pytest
from experiment_results import REFERENCE, keep

from espnet_gmot.errors import InputError
from research import kept_files
from research.kept_files import KeptRun, add_run, finished_configs, read_reference, read_runs

TEXTS = {"dev": {"u1": '说"一\t二', "u2": ""}}
REFERENCES = {"dev": {"u1": "人民", "u2": "中国"}}
CONFIG = {"model_conf": {"alpha": 0.5}, "patience": None, "lr": 1e-05, "max_epoch": 40, "seed": 1}
EPOCHS = {1: {"train_loss": 2.0}, 2: {"train_loss": 1.0, "valid_loss": 3e-07}}
RUN = KeptRun("gmot", 1, {"sets": {"dev": {"cer": 50.0}}, "commit": "5e123456"}, CONFIG, EPOCHS, TEXTS)


def lines(results):
    return {path.name: path.read_text().splitlines() for path in results.iterdir()}


def test_a_run_comes_back_as_it_was(tmp_path):
    measured = replace(RUN, coupling={"inside_own_span": 0.5, "on_silence": None}, context={"context": 0.25})
    other = replace(RUN, row="ctc", seed=0, config={"max_epoch": 20, "optim": "adam", "seed": 0})
    for run in (measured, other):
        add_run(tmp_path, run, REFERENCES)
    assert read_runs(tmp_path) == [other, measured]
    assert read_reference(tmp_path, "dev") == REFERENCES["dev"]
    assert finished_configs(tmp_path) == {("ctc", 0): other.config, ("gmot", 1): CONFIG}


def test_a_new_run_leaves_the_lines_of_the_others(tmp_path):
    for row, seed in (("gmot", 0), ("gmot", 10), ("ctc", 0)):
        keep(tmp_path, row, seed, REFERENCE, alpha=0.5)
    before = lines(tmp_path)
    keep(tmp_path, "gmot", 2, REFERENCE, alpha=0.5)
    after = lines(tmp_path)
    assert after.keys() == before.keys()
    for name in before.keys() - {".lock"}:
        rest = iter(after[name])
        assert all(line in rest for line in before[name])  # all of them, in their order
        assert len(after[name]) > len(before[name])
    assert [(run.row, run.seed) for run in read_runs(tmp_path)] == [
        ("ctc", 0), ("gmot", 0), ("gmot", 2), ("gmot", 10),
    ]  # fmt: skip


def test_a_run_that_is_kept_again_replaces_the_former_one(tmp_path):
    for row in ("ctc", "gmot"):
        keep(tmp_path, row, 0, REFERENCE, alpha=0.5)
    before = lines(tmp_path)
    keep(tmp_path, "gmot", 0, {**REFERENCE, "u2": "大会"}, alpha=0.5, max_epoch=7)
    ctc, gmot = read_runs(tmp_path)
    assert (gmot.hypotheses["test"]["u2"], gmot.config["max_epoch"]) == ("大会", 7)
    keep(tmp_path, "gmot", 0, REFERENCE, alpha=0.5)
    assert lines(tmp_path) == before


def add(results, seed):
    keep(results, "gmot", seed, REFERENCE, alpha=0.5)


def test_runs_that_end_at_the_same_time_are_all_kept(tmp_path):
    processes = [
        multiprocessing.get_context("fork").Process(target=add, args=(tmp_path, n)) for n in range(8)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [(run.seed, run.hypotheses["dev"]) for run in read_runs(tmp_path)] == [
        (seed, REFERENCE) for seed in range(8)
    ]


def test_a_run_that_broke_off_while_it_was_kept_does_not_count(tmp_path, monkeypatch):
    keep(tmp_path, "ctc", 0, REFERENCE)
    with monkeypatch.context() as patch:
        patch.setattr(kept_files, "_write_record", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            keep(tmp_path, "gmot", 0, REFERENCE)
    assert [run.row for run in read_runs(tmp_path)] == ["ctc"]
    keep(tmp_path, "gmot", 0, {**REFERENCE, "u1": "人"})
    assert [run.hypotheses["dev"]["u1"] for run in read_runs(tmp_path)] == ["他在家", "人"]


@pytest.mark.parametrize("name", ["epochs.tsv", "hypotheses_dev.tsv"])
def test_a_run_without_all_its_parts_is_named(tmp_path, name):
    keep(tmp_path, "ctc", 0, REFERENCE)
    keep(tmp_path, "gmot", 3, REFERENCE)
    kept = [line for line in lines(tmp_path)[name] if not line.startswith("gmot\t")]
    (tmp_path / name).write_text("\n".join(kept) + "\n")
    with pytest.raises(InputError, match="of gmot seed 3 epochs or hypotheses are missing; remove the run"):
        read_runs(tmp_path)


def test_rows_of_another_protocol_are_read_from_there(tmp_path):
    for row in ("ctc", "ctc_lm", "gmot"):
        keep(tmp_path / "small", row, 0, REFERENCE)
    keep(tmp_path / "pilot", "gmot", 1, REFERENCE)
    runs = tmp_path / "pilot/runs.yaml"
    runs.write_text("rows_of:\n  small: [ctc, ctc_lm]\n" + runs.read_text())
    rows = [("ctc", 0), ("ctc_lm", 0), ("gmot", 1)]
    assert [(run.row, run.seed) for run in read_runs(tmp_path / "pilot")] == rows
    keep(tmp_path / "pilot", "gmot", 2, REFERENCE)
    assert [(run.row, run.seed) for run in read_runs(tmp_path / "pilot")] == [*rows, ("gmot", 2)]
    text = (tmp_path / "pilot/hypotheses_dev.tsv").read_text()
    (tmp_path / "pilot/hypotheses_dev.tsv").write_text(text.replace("中国", "中过"))
    with pytest.raises(InputError, match="have other transcripts of dev; take it out of rows_of"):
        read_runs(tmp_path / "pilot")
