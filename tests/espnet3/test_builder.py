"""The builder, on a tiny corpus of AISHELL's shape that the recipe's local/data.sh prepares by a script."""

import pytest
from aishell_shape import make_aishell
from espnet3_installed import needs_espnet3
from recipe_copy import clone

from espnet_gmot.data.kaldi_data import check_data_dir
from espnet_gmot.errors import InputError

pytestmark = needs_espnet3

SIZES = {"train": (2, 3), "dev": (1, 3), "test": (1, 3)}


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """A copy of the recipe in whose db.sh the corpus stands; the test's directory."""
    recipe = clone(tmp_path) / "egs3" / "aishell" / "esp2_asr"
    make_aishell(recipe / "downloads", packed=True, sizes=SIZES)
    monkeypatch.chdir(recipe)
    return recipe


@pytest.fixture
def options(recipe):
    """The block create_dataset of the recipe's training YAML."""
    from espnet3.utils.config_utils import load_and_merge_config

    path = recipe / "conf" / "training_ctc.yaml"
    return dict(load_and_merge_config(path, "training.yaml", "egs3.TEMPLATE.esp2_asr").create_dataset)


def test_it_makes_what_stages_1_to_4_make(recipe, options, caplog):
    from espnet3.components.data.dataset_module import load_dataset_module

    module = load_dataset_module(recipe_dir=".")
    builder = module.DatasetBuilder()
    assert not builder.is_source_prepared(**options)
    builder.prepare_source(**options)
    builder.build(**options)
    lengths = {name: len(check_data_dir(f"dump/raw/{name}").text) for name in ("train_sp", "dev", "test")}
    assert lengths == {"train_sp": 3 * 4, "dev": 2, "test": 2}
    dataset = module.Dataset("dump/raw/train_sp")
    slow, plain = (dataset[f"{prefix}BAC009S0002W0121"] for prefix in ("sp0.9-", ""))
    assert len(slow["speech"]) == pytest.approx(len(plain["speech"]) / 0.9, abs=1)
    assert slow["text"] == plain["text"]

    caplog.set_level("INFO")
    before = {path: path.stat().st_mtime_ns for path in (recipe / "dump").rglob("*.ark")}
    assert builder.is_source_prepared(**options)
    assert not builder.is_source_prepared(**options | {"command": "local/data.sh --nj 1"})
    builder.build(**options)
    assert caplog.text.count("already done") == 5  # the command, speeds, three sets
    assert {path: path.stat().st_mtime_ns for path in (recipe / "dump").rglob("*.ark")} == before


def test_what_does_not_fit_is_refused(recipe, options):
    from espnet_gmot.driver.commands import CommandFailed
    from espnet_gmot.espnet3.builder import KaldiBuilder

    builder = KaldiBuilder()
    with pytest.raises(InputError, match="unknown keys: speeds; correct the YAML"):
        builder.build(**options, speeds=[0.9])
    with pytest.raises(
        InputError, match="create_dataset.command does not make it; correct create_dataset.train"
    ):
        builder.build(**options)
    with pytest.raises(CommandFailed, match="this ended with status 3"):
        builder.prepare_source(command="sh -c 'exit 3'")
    with pytest.raises(InputError, match="cannot start nothing"):
        builder.prepare_source(command="nothing")
    assert not builder.is_source_prepared(command="nothing")


def test_a_script_runs_with_this_python(tmp_path, monkeypatch):
    import sys

    from espnet_gmot.espnet3.scripts import run_script

    monkeypatch.chdir(tmp_path)
    run_script('python3 -c \'import sys; print(sys.prefix, file=open("prefix", "w"))\'')
    assert (tmp_path / "prefix").read_text().strip() == sys.prefix
