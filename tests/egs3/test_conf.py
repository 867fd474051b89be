"""Every YAML of egs3 is read as run.py reads it, and means what its counterpart of egs2 means."""

import pytest
import yaml
from espnet3_installed import needs_espnet3
from espnet3_recipes import EGS3, RECIPES, YAMLS, load, role_of
from interchange_recipe import ROOT
from small_corpus import TOKENS

pytestmark = needs_espnet3

TRAINING = [path for path in YAMLS if path.name.startswith("training")]
GMOT = [path for path in TRAINING if "gmot" in path.name]
COUNTERPARTS = {
    "mini_mandarin/esp2_asr/conf/training_ctc.yaml": "mini_mandarin/train_ctc_demo.yaml",
    "mini_mandarin/esp2_asr/conf/training_gmot.yaml": "mini_mandarin/train_gmot_demo.yaml",
    "aishell/esp2_asr/conf/training_ctc.yaml": "aishell/train_asr_ctc_conformer_e15_linear1024.yaml",
    "aishell/esp2_asr/conf/training_gmot.yaml": "aishell/train_asr_gmot_ctc_conformer_e15_linear1024.yaml",
}
MODEL = ("frontend_conf", "specaug", "specaug_conf", "encoder", "encoder_conf", "model", "model_conf")


def name(path):
    return str(path.relative_to(EGS3))


@pytest.mark.parametrize("path", YAMLS, ids=name)
def test_every_yaml_is_read_and_resolved(path):
    config = load(path, "exp_dir=exp/x", "exp_tag=x")
    needed = {
        "training": {"task", "model", "trainer", "create_dataset"},
        "inference": {"model", "dataset", "runner"},
        "metrics": {"metrics"},
        "publication": {"pack_model", "upload_model"},
        "demo": {"model", "ui", "pack", "upload_demo"},
    }[role_of(path)]
    assert needed <= config.keys()


@pytest.mark.parametrize("path", GMOT, ids=name)
def test_twins_differ_in_preprocessor_model_and_teacher_alone(path):
    gmot = load(path, "exp_tag=x")
    ctc = load(path.with_name(path.name.replace("gmot", "ctc")), "exp_tag=x")
    assert gmot.pop("cache_teacher") and "cache_teacher" not in ctc
    for config in (gmot, ctc):
        config.dataset.pop("preprocessor")
        config.model.pop("model", None)
        config.model.pop("model_conf")
    assert gmot == ctc


@pytest.mark.parametrize(
    ("ours", "theirs"),
    COUNTERPARTS.items(),
)
def test_values_are_those_of_egs2(ours, theirs):
    config, known = load(EGS3 / ours), yaml.safe_load((ROOT / "conf" / theirs).read_text())
    for key in MODEL:
        assert config.model.get(key) == known.get(key), key
    assert config.optimizer.lr == known["optim_conf"]["lr"]
    assert config.optimizer.weight_decay == known["optim_conf"].get("weight_decay", 0)
    assert config.scheduler.warmup_steps == known["scheduler_conf"]["warmup_steps"]
    assert config.trainer.max_epochs == known["max_epoch"]
    assert config.trainer.gradient_clip_val == known.get("grad_clip", 5.0)
    assert list(config.best_model_criterion[0]) == ["valid/cer_ctc", known["keep_nbest_models"], "min"]
    cache = config.dataset.preprocessor.get("teacher_cache")
    assert cache == known.get("preprocessor_conf", {}).get("teacher_cache")


@pytest.mark.parametrize("path", TRAINING, ids=name)
def test_the_model_is_built_by_espnet3s_task(path):
    from espnet3.utils.task_utils import get_espnet_model

    config = load(path, "model.encoder_conf.num_blocks=1")
    model_config = {key: value for key, value in config.model.items() if not key.startswith("normalize")}
    if "projection" in config.model.model_conf:
        model_config["model_conf"] = {**config.model.model_conf, "projection": "random"}
    model = get_espnet_model(config.task, model_config | {"token_list": TOKENS, "normalize": None})
    assert type(model).__name__ == ("ESPnetGMOTModel" if path in GMOT else "ESPnetASRModel")


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.parent.name)
def test_decoding_takes_the_average_that_training_makes(recipe):
    for folder in {path.parent for path in TRAINING if recipe in path.parents}:
        best = load(folder / "training_ctc.yaml").best_model_criterion[0][1]
        for inference in folder.glob("inference*.yaml"):
            assert load(inference).model.asr_model_file.endswith(f"/valid.cer_ctc.ave_{best}best.pth")
