"""Parameter counts, against those of the models that ESPnet builds."""

import os

import numpy as np
import pytest
import torch

from espnet_gmot.score.model_size import inference_parameters
from tests.interrupted_save import save_interrupted


def saved(model, directory):
    torch.save(model.state_dict(), directory / "valid.cer_ctc.ave.pth")
    return directory


def parameters(model, *idle):
    return sum(p.numel() for name, p in model.named_parameters() if not name.startswith(idle))


@pytest.mark.parametrize("encoder", ["conformer", "e_branchformer"])
def test_statistics_and_filters_are_no_parameters(build_model, tmp_path, encoder):
    np.savez(tmp_path / "stats.npz", count=9, sum=np.ones(20), sum_square=np.ones(20) * 2)
    normalize = {"normalize": "global_mvn", "normalize_conf": {"stats_file": str(tmp_path / "stats.npz")}}
    model = build_model(encoder=encoder, **normalize)
    assert {"normalize.mean", "align_steps"} <= model.state_dict().keys()
    assert inference_parameters(saved(model, tmp_path), ctc_alone=False) == parameters(model)


def test_a_decoder_counts_where_it_is_used(build_model, tmp_path):
    model = build_model({"ctc_weight": 0.3}, decoder="transformer")
    saved(model, tmp_path)
    assert inference_parameters(tmp_path, ctc_alone=False) == parameters(model)
    assert inference_parameters(tmp_path, ctc_alone=True) == parameters(model, "decoder.")
    assert parameters(model, "decoder.") < parameters(model)


@pytest.mark.parametrize(("feedback", "idle"), [(0.0, ("adapter.",)), (0.5, ())])
def test_an_adapter_counts_where_it_feeds_back(build_model, tmp_path, feedback, idle):
    model = build_model({"projected_side": "acoustic", "teacher_size": 16, "feedback": feedback})
    assert inference_parameters(saved(model, tmp_path), ctc_alone=True) == parameters(model, *idle)
    assert any(name.startswith("adapter.") for name, _ in model.named_parameters())


def test_the_trainer_s_own_and_broken_files_are_passed_over(tmp_path):
    torch.save({"model": {"w": torch.zeros(9)}}, tmp_path / "checkpoint.pth")
    (tmp_path / "latest.pth").symlink_to("9epoch.pth")
    assert inference_parameters(tmp_path, ctc_alone=False) is None
    for name in ("1epoch.pth", "2epoch.pth"):
        torch.save({"w": torch.zeros(3, 4)}, tmp_path / name)
    os.truncate(tmp_path / "1epoch.pth", 100)
    save_interrupted({"w": torch.zeros(5, 4)}, tmp_path / "0epoch.pth")
    assert inference_parameters(tmp_path, ctc_alone=False) == 12
