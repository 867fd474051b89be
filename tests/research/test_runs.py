"""The runs of a table: whole YAMLs, a directory each, finished ones left out."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from experiment_results import REFERENCE, forget

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.cache import CacheMeta
from research.kept_files import KeptRun, add_run
from research.runs import missing_starts, plan_runs, teachers_of, training_of
from research.table import Row, Table, Teacher

META = CacheMeta("exp/teacher_base/bert", 2, 16, "float16", "abc", num_texts=3)
CTC = Row("ctc", "ctc", "baseline")
GMOT = Row("gmot", "gmot", "method", teacher="weak", change={"model_conf": {"alpha": 0.3}})
ADAPTER = Row("adapter", "gmot", "side", "base", {"model_conf": {"projected_side": "acoustic"}})
LM = Row("ctc_lm", "ctc", "search", decoding="ctc_beam_lm", model_of="ctc")
TEACHERS = {
    "base": Teacher(),
    "random": Teacher(random_init=True),
    "weak": Teacher(10, "--steps 7 --layers 1"),
}
TABLE = Table(TEACHERS, [CTC, GMOT, ADAPTER, LM])


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """A working directory with the YAMLs of preset "tiny" and a teacher of size 16."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    (tmp_path / "exp/teacher_base/cache").mkdir(parents=True)
    (tmp_path / "exp/teacher_base/cache/meta.json").write_text(json.dumps(asdict(META)))
    ctc = {"model_conf": {"ctc_weight": 1.0}, "max_epoch": 3}
    gmot = ctc | {
        "preprocessor_conf": {"teacher_cache": "exp/teacher/cache"},
        "model_conf": {"ctc_weight": 1.0, "projection": "exp/teacher/projection.npz", "alpha": 0.5},
    }
    (tmp_path / "conf/train_ctc_tiny.yaml").write_text(yaml.safe_dump(ctc))
    (tmp_path / "conf/train_gmot_tiny.yaml").write_text(yaml.safe_dump(gmot))
    return tmp_path


def plan(recipe, rows=TABLE.rows, seeds=(0,)):
    return plan_runs(TABLE, rows, seeds, "tiny", recipe / "results")


def finish(recipe, run):
    record = {"sets": {"dev": {}}, "teacher": None}
    kept = KeptRun(run.row.name, run.seed, record, run.training, {1: {"x": 0.0}}, {"dev": REFERENCE})
    add_run(recipe / "results", kept, {"dev": REFERENCE})


def change_yaml(recipe):
    (recipe / "conf/train_ctc_tiny.yaml").write_text("model_conf: {ctc_weight: 1.0}\nmax_epoch: 4\n")


def test_rows_come_in_order_with_all_their_seeds(recipe):
    runs = plan(recipe, [CTC, GMOT], seeds=(0, 2))
    assert [(run.row.name, run.seed) for run in runs] == [("ctc", 0), ("ctc", 2), ("gmot", 0), ("gmot", 2)]
    assert [yaml.safe_load(run.config.read_text())["seed"] for run in runs] == [0, 2, 0, 2]
    assert len({run.expdir for run in runs}) == 4


def test_change_and_teacher_are_merged_into_the_yaml(recipe):
    gmot, adapter = (yaml.safe_load(run.config.read_text()) for run in plan(recipe, [GMOT, ADAPTER]))
    assert gmot["max_epoch"] == 3
    assert gmot["preprocessor_conf"] == {"teacher_cache": "exp/teacher_weak/cache"}
    assert gmot["model_conf"] == {
        "ctc_weight": 1.0, "alpha": 0.3, "projection": "exp/teacher_weak/projection.npz",
    }  # fmt: skip
    assert adapter["model_conf"] == {
        "ctc_weight": 1.0, "alpha": 0.5, "projected_side": "acoustic", "teacher_size": 16,
    }  # fmt: skip


def test_a_row_that_decodes_another_ones_model_shares_its_directory(recipe):
    ctc, lm = plan(recipe, [CTC, LM])
    assert (ctc.expdir, ctc.config) == (lm.expdir, lm.config)
    assert (ctc.row.decoding, lm.row.decoding) == ("ctc_greedy", "ctc_beam_lm")


def test_another_yaml_never_continues_the_same_training(recipe):
    (run,) = plan(recipe, [CTC])
    change_yaml(recipe)
    assert plan(recipe, [CTC])[0].training["max_epoch"] == 4  # nothing was begun
    run.record.begin()
    begun = run.config.read_text()
    message = (
        r"exp/runs/ctc_seed0 was begun with another .*what differs: max_epoch\); remove it to train anew"
    )
    with pytest.raises(InputError, match=message):
        plan(recipe, [CTC, LM])
    assert run.config.read_text() == begun
    shutil.rmtree(run.expdir)
    assert plan(recipe, [CTC])[0].training["max_epoch"] == 4


def test_the_order_of_the_keys_is_no_change(recipe):
    (run,) = plan(recipe, [GMOT])
    run.record.begin()
    first, second = plan(recipe, [GMOT], seeds=(0, 1))
    finish(recipe, second)
    path = recipe / "conf/train_gmot_tiny.yaml"
    path.write_text(yaml.safe_dump(dict(reversed(yaml.safe_load(path.read_text()).items())), sort_keys=False))
    assert plan(recipe, [GMOT], seeds=(0, 1)) == [first]


def test_finished_runs_are_left_out_until_their_yaml_changes(recipe):
    first, second = plan(recipe, [CTC], seeds=(0, 1))
    finish(recipe, first)
    assert plan(recipe, [CTC], seeds=(0, 1)) == [second]
    change_yaml(recipe)
    with pytest.raises(InputError, match="results: ctc seed 0 was made with another training YAML .*move"):
        plan(recipe, [CTC], seeds=(0, 1))


def test_results_that_broke_off_are_made_again(recipe):
    (run,) = plan(recipe, [CTC])
    finish(recipe, run)
    forget(recipe / "results", "ctc")
    assert plan(recipe, [CTC]) == [run]


def test_a_preset_without_yaml_is_refused(recipe):
    with pytest.raises(InputError, match="conf/train_ctc_huge.yaml does not exist; row ctc and the table's"):
        plan_runs(TABLE, [CTC], [0], "huge", recipe / "results")


BRANCH = Row("branch", "gmot", "branch", teacher="weak", start="ctc")
WITH_BRANCH = Table(
    TEACHERS, [CTC, BRANCH, Row("branch_lm", "gmot", "t", decoding="ctc_beam_lm", model_of="branch")]
)


@pytest.fixture
def branches(recipe):
    """Two seeds of a branch, and a search with its model."""
    return plan_runs(WITH_BRANCH, WITH_BRANCH.rows[1:], [0, 1], "tiny", recipe / "results")


def test_branches_of_a_seed_begin_with_one_model(branches):
    for run in branches:
        config = yaml.safe_load(run.config.read_text())
        assert config["init_param"] == [f"exp/runs/ctc_seed{run.seed}/asr/valid.cer_ctc.ave.pth"]
        assert config["seed"] == run.seed
    assert "init_param" not in training_of(CTC, 0, Path("conf/train_ctc_tiny.yaml"))


def test_a_start_is_trained_once_and_only_where_its_model_is_missing(branches):
    first, second = missing_starts(WITH_BRANCH, branches, "tiny")
    assert [start.name for start in (first, second)] == ["ctc seed 0", "ctc seed 1"]
    assert yaml.safe_load(second.config.read_text())["seed"] == 1
    assert missing_starts(WITH_BRANCH, [], "tiny") == []
    first.checkpoint.parent.mkdir(parents=True)
    first.checkpoint.touch()
    assert missing_starts(WITH_BRANCH, branches, "tiny") == [second]


def test_a_start_comes_with_its_branches_and_a_change_of_it_is_refused(recipe):
    rows = WITH_BRANCH.with_starts(WITH_BRANCH.rows[2:])
    assert [row.name for row in rows] == ["ctc", "branch_lm"]
    start, _ = plan_runs(WITH_BRANCH, rows, [0], "tiny", recipe / "results")
    finish(recipe, start)  # kept, and its model may be on another machine
    change_yaml(recipe)
    with pytest.raises(InputError, match="results: ctc seed 0 was made with another training YAML"):
        plan_runs(WITH_BRANCH, rows, [0], "tiny", recipe / "results")


def test_only_the_teachers_that_rows_need_are_listed(recipe):
    assert list(teachers_of(TABLE, [CTC])) == [("base", Teacher())]  # every encoder is probed with it
    assert list(teachers_of(TABLE, [GMOT, ADAPTER])) == [
        ("base", Teacher()), ("weak", Teacher(10, "--steps 7 --layers 1")),
    ]  # fmt: skip
