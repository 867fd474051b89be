"""Every row of the recipe's table of experiments gives a model that ESPnet builds."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from small_corpus import TOKENS

from espnet_gmot.recipe.experiment_runs import plan_runs
from espnet_gmot.recipe.experiment_table import read_experiment_table

ROOT = Path(__file__).parents[1]
TABLE = read_experiment_table(ROOT / "egs2/mini_mandarin/asr1/local/experiments.yaml")
SIZES = {"base": 128, "random": 128, "weak": 128, "strong": 192}


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    """Row → its training YAML in the protocol for two cores."""
    directory = tmp_path_factory.mktemp("recipe")
    (directory / "conf").symlink_to(ROOT / "conf/mini_mandarin")
    for name in TABLE.teachers:
        cache = directory / f"exp/teacher_{name}/cache"
        cache.mkdir(parents=True)
        (cache / "meta.json").write_text(json.dumps({"hidden_size": SIZES[name]}))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        runs = plan_runs(TABLE, TABLE.rows, [0], "small", directory / "results")
        return {run.row.name: directory / run.config for run in runs}


@pytest.mark.parametrize("row", TABLE.rows, ids=lambda row: row.name)
def test_row_is_a_model_with_the_changes_that_it_names(row, configs):
    from espnet_gmot.model import ESPnetGMOTModel
    from espnet_gmot.task import GMOTTask

    args = GMOTTask.get_parser().parse_args(["--config", str(configs[row.name]), "--token_type", "char"])
    args.token_list = TOKENS
    with torch.device("meta"):
        model = GMOTTask.build_model(args)
    assert isinstance(model, ESPnetGMOTModel) == (row.teacher is not None)
    for name, value in row.change.get("model_conf", {}).items():
        assert args.model_conf[name] == value
        assert getattr(getattr(model, "options", None), name, value) == value
    layers = row.change.get("encoder_conf", {}).get("interctc_layer_idx", [])
    assert model.encoder.interctc_layer_idx == layers
    assert args.best_model_criterion == [["valid", "cer_ctc", "min"]]


def test_no_two_rows_are_the_same_experiment(configs):
    trained = {row.name: (configs[row.name].read_text(), row.decoding) for row in TABLE.rows}
    assert len(set(trained.values())) == len(trained)


def test_budgets_are_equal_unless_the_row_says_otherwise(configs):
    conf = {name: yaml.safe_load(path.read_text()) for name, path in configs.items()}
    allowed = {"max_epoch": ("_half", "_double")}
    for key in ("max_epoch", "batch_bins", "batch_type", "optim_conf", "scheduler_conf", "keep_nbest_models"):
        others = {name for name in conf if conf[name][key] != conf["ctc"][key]}
        assert others == {name for name in conf if name.endswith(allowed.get(key, ()))}
