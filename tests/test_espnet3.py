"""The ESPnet3 recipe of docs/espnet2_or_espnet3.md, one step in ESPnet3's own system and trainer."""

import re

import pytest
import torch
from espnet3_installed import needs_espnet3
from interchange_recipe import make_data, make_teacher, run_documented_command, write_documented_files

pytestmark = [
    pytest.mark.slow,
    pytest.mark.watch,
    *needs_espnet3,
]


def test_the_documented_recipe_makes_a_step(tmp_path, teacher_dir):
    recipe = make_teacher(make_data(tmp_path), teacher_dir)
    section = write_documented_files("espnet2_or_espnet3.md", "In a recipe of your own", recipe)
    yaml = recipe / "conf" / "training.yaml"
    assert yaml.read_text().count("max_epochs: 20") == 1
    yaml.write_text(yaml.read_text().replace("max_epochs: 20", "max_epochs: 1"))

    log = run_documented_command(section, recipe)

    checkpoint = torch.load(recipe / "exp" / "training" / "step1.ckpt", weights_only=False)
    assert checkpoint["state_dict"]["align_steps"] == 1
    assert {int(moments["step"]) for moments in checkpoint["optimizer_states"][0]["state"].values()} == {1}
    assert "epoch_summary:1epoch:train:" in log
    assert {"loss_fgw=", "loss_align=", "token_spread="} <= set(re.findall(r"\w+=", log))
