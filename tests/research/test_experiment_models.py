"""Every row of the recipe's table of experiments gives a model that ESPnet builds."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
import yaml
from small_corpus import TOKENS

from espnet_gmot.teacher.cache import CacheMeta
from research.kept_files import finished_configs
from research.runs import plan_runs
from research.table import read_experiment_table

ROOT = Path(__file__).parents[2]
RESEARCH = ROOT / "research"
TABLES = {
    "small": read_experiment_table(RESEARCH / "experiments.yaml"),
    **{
        preset: read_experiment_table(RESEARCH / f"experiments_{preset}.yaml")
        for preset in ("full", "speechocean762", "aishell_sample", "long")
    },
}
ROWS = [(preset, row) for preset, table in TABLES.items() for row in table.rows]


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    """Preset → row → its training YAML."""
    return {preset: plan(preset, tmp_path_factory.mktemp(preset)) for preset in TABLES}


def plan(preset, directory):
    table = TABLES[preset]
    (directory / "conf").symlink_to(ROOT / table.corpus.recipe / "conf")
    for name in table.teachers:
        cache = directory / f"exp/teacher_{name}/cache"
        cache.mkdir(parents=True)
        meta = CacheMeta(name, -1, 192 if name == "strong" else 128, "float16", "abc", num_texts=3)
        (cache / "meta.json").write_text(json.dumps(asdict(meta)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        runs = plan_runs(table, table.rows, [0], preset, directory / "results")
        return {run.row.name: directory / run.config for run in runs}


@pytest.mark.parametrize(("preset", "row"), ROWS, ids=[f"{preset}-{row.name}" for preset, row in ROWS])
def test_row_is_a_model_with_the_changes_that_it_names(preset, row, configs):
    from espnet_gmot.model import ESPnetGMOTModel
    from espnet_gmot.task import GMOTTask

    config = configs[preset][row.name]
    args = GMOTTask.get_parser().parse_args(["--config", str(config), "--token_type", "char"])
    args.token_list = TOKENS
    with torch.device("meta"):
        model = GMOTTask.build_model(args)
    assert (args.preprocessor == "gmot") == (row.teacher is not None)
    assert isinstance(model, ESPnetGMOTModel) == (row.teacher is not None or "model" in row.change)
    for name, value in row.change.get("model_conf", {}).items():
        assert args.model_conf[name] == value
        assert getattr(getattr(model, "options", None), name, value) == value
    layers = row.change.get("encoder_conf", {}).get("interctc_layer_idx", [])
    assert model.encoder.interctc_layer_idx == layers
    assert args.best_model_criterion == [["valid", "cer_ctc", "min"]]


def test_kept_runs_were_trained_as_the_table_says(configs):
    kept = finished_configs(RESEARCH / "results/small")
    trained = {row.name: row.model_of or row.name for row in TABLES["small"].rows}
    assert len(kept) > 80
    for (row, seed), config in kept.items():
        planned = yaml.safe_load(configs["small"][trained[row]].read_text())
        assert config == planned | {"seed": seed}, row


@pytest.mark.parametrize("preset", TABLES)
def test_rows_with_prior_say_so(preset, configs):
    for row in TABLES[preset].rows:
        config = yaml.safe_load(configs[preset][row.name].read_text())["model_conf"]
        has_prior = config.get("temporal_prior_weight", 0) > 0 and config.get("alpha") != 1
        assert has_prior == ("prior" in row.name or row.name.startswith("tot")), row.name


@pytest.mark.parametrize("preset", TABLES)
def test_no_two_rows_are_the_same_experiment(preset, configs):
    rows = TABLES[preset].rows
    trained = {row.name: (configs[preset][row.name].read_text(), row.decoding) for row in rows}
    assert len(set(trained.values())) == len(trained)


@pytest.mark.parametrize("preset", TABLES)
def test_budgets_are_equal_unless_the_row_says_otherwise(preset, configs):
    conf = {name: yaml.safe_load(path.read_text()) for name, path in configs[preset].items()}
    allowed = {"max_epoch": ("_half", "_double", "_start", "_branch")}
    for key in ("max_epoch", "batch_bins", "batch_type", "optim_conf", "scheduler_conf", "keep_nbest_models"):
        others = {name for name in conf if conf[name][key] != conf["ctc"][key]}
        assert others == {name for name in conf if name.endswith(allowed.get(key, ()))}


@pytest.mark.parametrize("preset", TABLES)
def test_language_model_of_a_row_has_its_yaml(preset):
    if any(row.decoding == "ctc_beam_lm" for row in TABLES[preset].rows):
        assert (ROOT / f"conf/mini_mandarin/train_lm_{preset}.yaml").is_file()
