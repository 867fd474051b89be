"""Stage 14: what goes into the archive."""

from pathlib import Path

import pytest

from espnet_gmot.driver.commands import CommandFailed
from espnet_gmot.errors import InputError

EXP = "exp/asr_train_small_raw_bpe9"
PACKED = Path(f"{EXP}/asr_train_small_raw_bpe9_valid.acc.ave.zip")
OPTIONS = {
    "use_lm": True,
    "lm_config": "conf/train_lm.yaml",
    "skip_packing": False,
    "token_type": "bpe",
    "nbpe": 9,
}


@pytest.fixture
def recipe(recipe):
    Path("data/train/text").write_text("u1 a b c d ab cd ab\n")
    return recipe


def test_all_that_decoding_needs_is_packed(recipe):
    log = recipe.run(**OPTIONS)
    assert PACKED.read_bytes() == b"zip"
    assert f"3 bytes in {PACKED}" in log
    (call,) = recipe.called("pack")
    for part in (
        f"pack asr --asr_train_config {EXP}/config.yaml --asr_model_file {EXP}/valid.acc.ave.pth",
        "--lm_file exp/lm_train_lm_bpe9/valid.loss.ave.pth",
        "--option exp/lm_train_lm_bpe9/perplexity_test/ppl",
        "--option exp/RESULTS.md",
        "--option data/token_list/bpe_unigram9/bpe.model",
        "--option data/token_list/bpe_unigram9/tokens.txt",
        "--option exp/asr_stats_raw_bpe9/train/feats_stats.npz",
    ):
        assert part in call
    assert "images" not in call  # there are none


def test_the_configuration_of_a_gmot_model_names_the_plugin(recipe):
    recipe.run(**OPTIONS | {"skip_packing": True})
    Path(f"{EXP}/config.yaml").write_text("model: gmot\n")
    log = recipe.run(stage=14, **OPTIONS)
    assert "needs the plugin (pip install espnet_gmot)" in log
    (call,) = recipe.called("pack")
    assert f"--asr_train_config {EXP}/packed/config.yaml " in call


def test_an_archive_appears_whole_or_not_at_all(recipe):
    with pytest.raises(CommandFailed):
        recipe.run(fails_in="espnet2.bin.pack", **OPTIONS)
    assert not PACKED.exists()
    assert not list(PACKED.parent.glob("*aside*")) + list(PACKED.parent.glob("*.zip"))


def test_a_packing_that_writes_nothing_is_no_archive(recipe, monkeypatch):
    recipe.run(**OPTIONS | {"skip_packing": True})
    monkeypatch.setattr(Path, "write_bytes", lambda *_: None)  # by which the stand-in packs
    with pytest.raises(InputError, match=f"is empty; {EXP}/pack.log says why"):
        recipe.run(stage=14, **OPTIONS)
    assert not list(PACKED.parent.glob("*.zip"))
