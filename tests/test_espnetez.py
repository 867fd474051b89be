"""The ESPnet-EZ script of docs/interchange.md on a few utterances."""

import importlib.util
import re
import shutil

import pytest
import torch
from interchange_recipe import ROOT, make_data, make_teacher, run_documented_command, write_documented_files

pytestmark = [
    pytest.mark.slow,
    pytest.mark.watch,
    pytest.mark.skipif(importlib.util.find_spec("espnetez") is None, reason="ESPnet-EZ ended with 202511"),
    pytest.mark.skipif(importlib.util.find_spec("six") is None, reason="six is not installed"),
]


def test_the_documented_script_trains(tmp_path, teacher_dir):
    recipe = make_teacher(make_data(tmp_path), teacher_dir)
    section = write_documented_files("interchange.md", "ESPnet-EZ", recipe)
    (recipe / "conf").mkdir()
    shutil.copy(ROOT / "conf" / "mini_mandarin" / "train_gmot_tiny.yaml", recipe / "conf" / "train_gmot.yaml")
    log = run_documented_command(section, recipe)

    checkpoint = torch.load(recipe / "exp" / "asr_train_gmot" / "checkpoint.pth", weights_only=False)
    assert checkpoint["model"]["align_steps"] == 3
    assert {int(moments["step"]) for moments in checkpoint["optimizers"][0]["state"].values()} == {3}
    assert {"loss_fgw=", "loss_align=", "token_spread="} <= set(re.findall(r"\w+=", log))
