"""The page of a packed demo; tests/egs3 packs one by the stages."""

import os
from importlib.util import find_spec

import numpy as np
import pytest
import yaml
from espnet3_installed import needs_espnet3
from small_training import save_model

from espnet_gmot.errors import InputError

pytestmark = needs_espnet3

BINS = 20


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """A packed demo whose statistics are where the paths of the training start."""
    pack = tmp_path / "demo" / "model_pack"
    (pack / "exp" / "stats").mkdir(parents=True)
    statistics = {"count": 2, "sum": np.zeros(BINS), "sum_square": np.ones(BINS)}
    np.savez(pack / "exp" / "stats" / "feats_stats.npz", **statistics)
    with monkeypatch.context() as patch:
        patch.chdir(pack)
        save_model(
            pack / "exp" / "asr", model_conf={"ctc_weight": 1.0}, model="espnet", normalize="global_mvn",
            normalize_conf={"stats_file": "exp/stats/feats_stats.npz"},
        )  # fmt: skip
    (pack / "conf").mkdir()
    model = {
        "asr_train_config": "${recipe_dir}/exp/asr/config.yaml",
        "asr_model_file": "${recipe_dir}/exp/asr/model.pth",
    }
    (pack / "conf" / "inference.yaml").write_text(yaml.safe_dump({"recipe_dir": ".", "model": model}))
    demo = {"model": {"dir_or_tag": "model_pack"}, "ui": {"title": "small: asr"}}
    (tmp_path / "demo" / "demo.yaml").write_text(yaml.safe_dump(demo))
    return tmp_path / "demo"


def test_the_packed_model_is_loaded_from_any_directory(demo, tmp_path, monkeypatch):
    from espnet_gmot.espnet3.demo import load_packed

    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    assert load_packed(demo.relative_to(tmp_path) / "model_pack").transcribe(noise).tokens
    assert os.getcwd() == str(tmp_path)


@pytest.mark.skipif(find_spec("gradio") is None, reason="gradio is not installed")
def test_the_page_has_the_title_of_the_yaml(demo):
    from espnet_gmot.espnet3.demo import build_demo

    assert build_demo(demo).title == "small: asr"


@pytest.mark.parametrize("name", ["demo.yaml", "model_pack/conf/inference.yaml"])
def test_what_is_missing_is_packed_again(demo, name):
    from espnet_gmot.espnet3.demo import build_demo

    (demo / name).unlink()
    with pytest.raises(InputError, match=f"{name} does not exist; run the stages pack_model and pack_demo"):
        build_demo(demo)
