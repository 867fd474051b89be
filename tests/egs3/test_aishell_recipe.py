"""AISHELL in ESPnet3 with its YAMLs cut down: from a corpus of its shape to an error rate, and packed."""

import json

import pytest
import yaml
from aishell_shape import make_aishell
from espnet3_installed import needs_espnet3
from recipe_copy import clone, run_stages

from espnet_gmot.data.kaldi_text import read_table

pytestmark = [pytest.mark.slow, *needs_espnet3]

STAGES = "create_dataset train_tokenizer cache_teacher collect_stats train infer measure pack_model"
CHECKPOINT = "valid.cer_ctc.ave_1best.pth"


def cut_down(corpus, teacher):
    """What the test changes in conf/training_gmot.yaml: corpus, teacher, sizes, no GPU's precision."""
    cache = (
        f"python3 -m espnet_gmot.bin.cache_teacher --teacher {teacher} --text data/train/text data/dev/text"
        " --out exp/teacher/cache --projection exp/teacher/projection.npz"
    )
    return {
        "defaults": ["../training_gmot", "_self_"],
        "create_dataset": {"command": f"local/data.sh --aishell {corpus}"},
        "cache_teacher": {"command": cache},
        "model": {
            "encoder_conf": {"output_size": 16, "attention_heads": 2, "linear_units": 32, "num_blocks": 1},
        },
        "dataloader": {
            "train": {"iter_factory": {"num_workers": 0, "batches": {"batch_bins": 400000}}},
            "valid": {"iter_factory": {"num_workers": 0}},
        },
        "trainer": {"max_epochs": 1, "precision": 32, "log_every_n_steps": 1},
        "best_model_criterion": [["valid/cer_ctc", 1, "min"]],
    }


def run(recipe, stages, training="conf/cut_down/training_gmot.yaml"):
    """Run stages by run.py; return its exit status and what it printed."""
    configurations = {"training": training, "inference": "conf/cut_down/inference.yaml"}
    configurations |= {role: f"conf/{role}.yaml" for role in ("metrics", "publication")}
    return run_stages(recipe, stages, configurations)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, teacher_dir):
    """The recipe after all stages but the uploads."""
    recipe = clone(tmp_path_factory.mktemp("clone")) / "egs3" / "aishell" / "esp2_asr"
    corpus = make_aishell(recipe / "corpus")
    (recipe / "conf/cut_down").mkdir()
    training = yaml.safe_dump(cut_down(corpus, teacher_dir), sort_keys=False)
    (recipe / "conf/cut_down/training_gmot.yaml").write_text(training)
    inference = {
        "defaults": ["../inference", "_self_"],
        "model": {"asr_model_file": f"${{exp_dir}}/{CHECKPOINT}"},
    }
    (recipe / "conf/cut_down/inference.yaml").write_text(yaml.safe_dump(inference, sort_keys=False))
    status, log = run(recipe, STAGES)
    assert status == 0, log[-5000:]
    return recipe


def test_train_has_three_speeds_in_archives_and_the_teacher_one_text_each(recipe):
    trained, spoken = (read_table(recipe / name) for name in ("dump/raw/train_sp/wav.scp", "data/train/text"))
    assert len(trained) == 3 * len(spoken)
    assert all(".ark:" in place for place in trained.values())
    meta = json.loads((recipe / "exp/teacher/cache/meta.json").read_text())
    assert meta["num_texts"] <= len(spoken) + len(read_table(recipe / "data/dev/text"))


def test_test_has_an_error_rate(recipe):
    metrics = json.loads((recipe / "exp/training_gmot/inference/metrics.json").read_text())
    assert metrics["espnet3.systems.esp2_asr.metrics.cer.CER"]["test"]["CER"] > 0
    decoded = (recipe / "exp/training_gmot/inference/test/text.scp").read_text().splitlines()
    assert [line.split()[0] for line in decoded] == list(read_table(recipe / "data/test/text"))


def test_the_packed_model_has_what_it_is_built_from(recipe):
    packed = recipe / "exp/training_gmot/model_pack"
    names = {path.name for path in packed.rglob("*") if path.is_file()}
    assert {CHECKPOINT, "tokens.txt", "feats_stats.npz", "README.md"} <= names


def test_a_corpus_that_is_not_there_is_named(recipe):
    text = (recipe / "conf/cut_down/training_gmot.yaml").read_text()
    (recipe / "conf/cut_down/elsewhere.yaml").write_text(
        text.replace(str(recipe / "corpus"), "/no/such/place")
    )
    status, log = run(recipe, "create_dataset", "conf/cut_down/elsewhere.yaml")
    assert status != 0
    assert "/no/such/place" in log
