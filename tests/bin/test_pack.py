"""Archives that ESPnet's own functions load: with the plugin, without it, and what is said where it lacks."""

import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import load_archive
import numpy as np
import pytest
import torch
import yaml
from small_training import write_config

from espnet_gmot import NAME_IN_ARCHIVE
from espnet_gmot.errors import InputError

CONFIG = "exp/asr_x/config.yaml"
MODEL = "exp/asr_x/valid.ave.pth"
STATS = "exp/feats_stats.npz"
FILES = ["--asr_train_config", CONFIG, "--asr_model_file", MODEL]
AWAY = {"teacher": "a-teacher-that-is-away"}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A recipe with a trained GM-OT model, whose teacher and projection are not on this machine."""
    import espnet2.tasks.asr  # noqa: F401

    from espnet_gmot.task import GMOTTask

    directory = tmp_path_factory.mktemp("recipe")
    (directory / CONFIG).parent.mkdir(parents=True)
    gone = AWAY | {"ctc_weight": 1.0, "projection": "exp/teacher/gone.npz"}
    config = write_config(
        directory / "train.yaml", gone, decoder=None, preprocessor="gmot", preprocessor_conf=AWAY,
        normalize="global_mvn", normalize_conf={"stats_file": STATS},
    )  # fmt: skip
    np.savez(directory / STATS, count=10, sum=np.arange(20.0), sum_square=np.full(20, 100.0))
    args = GMOTTask.get_parser().parse_args(["--config", str(config)])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        torch.manual_seed(0)
        model = GMOTTask.build_model(args)
    (directory / CONFIG).write_text(yaml.safe_dump(vars(args), allow_unicode=True))
    torch.save(model.state_dict(), directory / MODEL)
    return directory


def pack(recipe, *arguments):
    """Run the command in the recipe's directory."""
    from espnet_gmot.bin.pack import main

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(recipe)
        patch.setattr(sys, "argv", ["pack", *arguments])
        main()


@pytest.fixture(scope="module")
def archive(recipe):
    """The model in an archive."""
    pack(recipe, *FILES, "--outpath", "exp/gmot.zip")
    return recipe / "exp/gmot.zip"


@pytest.fixture(scope="module")
def loaded(archive, tmp_path_factory):
    """Load an archive in a fresh process, far from the recipe."""
    pytest.importorskip("espnet_model_zoo", reason="espnet_model_zoo is not installed")

    @cache
    def load(path, plugin):
        away = tmp_path_factory.mktemp("away")
        shutil.copy(path, away)
        done = subprocess.run(
            [sys.executable, load_archive.__file__, str(away / path.name), plugin], cwd=away,
            capture_output=True, text=True, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return load


def test_the_command_says_who_needs_what(recipe, caplog, capsys):
    pack(recipe, *FILES, "--outpath", "exp/said.zip")
    assert "needs the plugin (pip install espnet_gmot)" in caplog.text
    assert "espnet_gmot.bin.export" in caplog.text
    assert capsys.readouterr().out.splitlines()[-1] == "packed: exp/said.zip"


@pytest.mark.slow
def test_with_the_plugin_every_way_loads_it(recipe, archive, loaded, monkeypatch):
    from espnet2.bin.asr_inference import Speech2Text

    monkeypatch.chdir(recipe)
    expected = load_archive.log_posteriors(Speech2Text(CONFIG, MODEL))
    for way, found in loaded(archive, "with").items():
        assert found == expected, way


@pytest.mark.slow
def test_without_the_plugin_every_way_says_how_to_get_it(archive, loaded):
    for way, said in loaded(archive, "without").items():
        assert said.startswith("ValueError: --model must be one of ('espnet'"), (way, said)
        assert said.endswith(f"--model {NAME_IN_ARCHIVE}\n"), (way, said)
        assert "pip install espnet_gmot" in said


@pytest.mark.slow
def test_an_exported_model_needs_no_plugin(recipe, archive, loaded, monkeypatch):
    from espnet2.bin.pack import main as stock_pack

    from espnet_gmot.trained.export import export_model

    monkeypatch.chdir(recipe)
    exported = export_model(CONFIG, MODEL, "exp/plain")
    stock_pack(exported.pack_command.partition(" espnet2.bin.pack ")[2].split())
    assert loaded(recipe / "exp/plain/plain.zip", "without") == loaded(archive, "with")


def test_what_was_packed_can_still_be_exported(archive, tmp_path):
    from espnet2.main_funcs.pack_funcs import unpack

    from espnet_gmot.trained.export import plain_config

    config = yaml.safe_load(Path(unpack(archive, tmp_path)["asr_train_config"]).read_text())
    assert config["model"] == NAME_IN_ARCHIVE
    assert plain_config(config, "config.yaml")["model"] == "espnet"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*FILES[:2], "--asr_model_file", "gone.pth"], "gone.pth does not exist; train the model first"),
        (["--asr_train_config", "gone.yaml", *FILES[2:]], "gone.yaml does not exist; train the model first"),
        ([*FILES, "--option", "gone.md"], "gone.md does not exist; correct --option"),
        ([*FILES, "--outpath", "exp/none.rar"], "--outpath is exp/none.rar; name a .zip"),
    ],
)
def test_what_cannot_be_packed_is_refused_and_nothing_is_left(recipe, arguments, message):
    with pytest.raises(InputError, match=message):
        pack(recipe, "--outpath", "exp/none.zip", *arguments)
    assert not list(recipe.glob("exp/none*")) + list(recipe.glob("exp/.aside*"))
