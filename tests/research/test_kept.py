"""What is kept of a run, and that it is kept whole."""

import json
from dataclasses import asdict

import pytest
import yaml
from experiment_results import write_table

from espnet_gmot.errors import InputError
from espnet_gmot.score.result_files import score_files
from espnet_gmot.teacher.cache import CacheMeta
from research.kept import keep_run
from research.kept_files import read_reference, read_runs

META = CacheMeta("exp/teacher/bert", 2, 16, "float16", "abc", num_texts=3)
EPOCH = (
    "INFO: 1epoch results: [train] loss=2.5, time=3 seconds, total_count=9, "
    "[valid] cer_ctc=0.5, time=1 second, total_count=2"
)


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """A recipe in which a model was trained, decoded and scored."""
    monkeypatch.chdir(tmp_path)
    experiment = tmp_path / "exp/asr"
    for name in ("dev", "test"):
        data = tmp_path / "dump/raw" / name
        write_table(data / "text", {"u1": "人民", "u2": "中国"})
        write_table(data / "utt2spk", {"u1": "s", "u2": "s"})
        write_table(experiment / "decode_ctc_greedy" / name / "text", {"u1": "人民", "u2": ""})
        decoded = experiment / "decode_ctc_greedy" / name
        score_files(data / "text", decoded / "text", data / "utt2spk", "char", decoded / "score_cer")
    (experiment / "train.log").write_text(EPOCH + "\n")
    config = {"preprocessor_conf": {"teacher_cache": "exp/teacher/cache"}, "seed": 3}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    cache = tmp_path / "exp/teacher/cache"
    cache.mkdir(parents=True)
    (cache / "meta.json").write_text(json.dumps(asdict(META)))
    (tmp_path / "exp/teacher/bert").mkdir()
    (tmp_path / "exp/teacher/bert/metrics.json").write_text(json.dumps({"masked_accuracy": 0.25}))
    return tmp_path


def keep(recipe, row="gmot", seed=3):
    experiment = recipe / "exp/asr"
    config = recipe / "run.yaml"
    return keep_run(recipe / "results", row, seed, config, experiment, "decode_ctc_greedy", ["dev", "test"])


def test_a_kept_run_comes_back_whole(recipe):
    (recipe / "exp/asr/coupling.json").write_text('{"inside_own_span": 0.5}')
    (recipe / "exp/asr/context.json").write_text('{"context": 0.25}')
    keep(recipe)
    (run,) = read_runs(recipe / "results")
    assert (run.row, run.seed, run.config["seed"]) == ("gmot", 3, 3)
    assert run.hypotheses["test"] == {"u1": "人民", "u2": ""}
    assert run.epochs == {
        1: {"train_loss": 2.5, "train_total_count": 9.0, "valid_cer_ctc": 0.5, "valid_total_count": 2.0}
    }
    assert (run.coupling, run.context) == ({"inside_own_span": 0.5}, {"context": 0.25})
    assert (run.record["sets"]["dev"]["cer"], run.record["sets"]["dev"]["deletions"]) == (50.0, 2)
    assert run.record["seconds_train"] == 4.0
    assert run.record["teacher"] == {
        "teacher": "exp/teacher/bert", "layer": 2, "hidden_size": 16, "dtype": "float16",
        "fingerprint": "abc", "num_texts": 3, "random_init": False, "masked_accuracy": 0.25,
        "context": "none", "pool": "none", "precision": "float32", "projection": 0,
    }  # fmt: skip
    assert read_reference(recipe / "results", "dev") == {"u1": "人民", "u2": "中国"}


def test_nothing_that_is_kept_names_this_machine(recipe):
    keep(recipe)
    kept = "".join(path.read_text() for path in (recipe / "results").rglob("*") if path.is_file())
    assert str(recipe) not in kept


def test_a_random_teacher_has_no_accuracy_of_its_own(recipe):
    meta = recipe / "exp/teacher/cache/meta.json"
    meta.write_text(meta.read_text().replace("false", "true"))
    keep(recipe)
    assert "masked_accuracy" not in read_runs(recipe / "results")[0].record["teacher"]


def test_runs_of_another_corpus_are_refused(recipe):
    keep(recipe)
    write_table(recipe / "dump/raw/dev/text", {"u1": "人民", "u2": "大会"})
    with pytest.raises(
        InputError,
        match="hypotheses_dev.tsv: .* of dev are not the reference of the runs kept before",
    ):
        keep(recipe, "ctc")


def test_an_unscored_run_is_not_kept(recipe):
    (recipe / "exp/asr/decode_ctc_greedy/test/score_cer/result.json").unlink()
    with pytest.raises(InputError, match="test/score_cer/result.json does not exist"):
        keep(recipe)
    with pytest.raises(InputError, match="holds no finished run"):
        read_runs(recipe / "results")
