"""Stages 6 to 8: the language model."""

from pathlib import Path

import pytest
import torch

from espnet_gmot.driver.commands import CommandFailed
from espnet_gmot.errors import InputError

WITH_LM = {"use_lm": True, "lm_config": "conf/train_lm.yaml"}


def test_on_the_training_sets_text_and_used_in_decoding(recipe):
    options = WITH_LM | {"lang": "zh", "lm_args": "--max_epoch 3"}
    log = recipe.run(**options)
    assert recipe.modules[4:12] == [  # behind the three sets' audio and the token list
        "lm_train", "aggregate_stats_dirs", "launch", "lm_calc_perplexity",
        "asr_train", "aggregate_stats_dirs", "launch", "asr_inference",
    ]  # fmt: skip
    lm, stats = "exp/lm_train_lm_zh_char_max_epoch3", "exp/lm_stats_zh_char"
    assert Path(f"{stats}/train.txt").read_bytes() == Path("dump/raw/train/text").read_bytes()
    (collecting,) = recipe.called("lm_train")
    assert "lm_train --collect_stats true" in collecting
    assert f"--train_data_path_and_name_and_type {stats}/train.txt,text,text" in collecting
    launch = recipe.called("launch")[0]
    assert f"lm_train --resume true --output_dir {lm}" in launch
    assert launch.endswith("--fold_length 150 --max_epoch 3")
    (perplexity,) = recipe.called("lm_calc_perplexity")
    assert "--data_path_and_name_and_type dump/raw/test/text,text,text" in perplexity
    assert f"{lm}/valid.loss.ave.pth" in perplexity
    assert "perplexity of dump/raw/test/text: 7.5" in log
    decoding = recipe.called("asr_inference")[0]
    assert f"--lm_train_config {lm}/config.yaml --lm_file {lm}/valid.loss.ave.pth" in decoding
    tag = "inference_lm_lm_train_lm_zh_char_max_epoch3_valid.loss.ave_asr_model_valid.acc.ave"
    assert Path(f"exp/asr_train_small_raw_zh_char/{tag}/test/text").is_file()
    recipe.run(**options)
    assert recipe.modules == ["score", "stage"]


def test_a_checkpoint_of_other_tokens_is_refused(recipe):
    recipe.run(stop_stage=6, **WITH_LM)
    Path("exp/lm_train_lm_char").mkdir()
    Path("exp/lm_train_lm_char/config.yaml").write_text("token_list: [x]\n")
    torch.save({}, "exp/lm_train_lm_char/checkpoint.pth")
    with pytest.raises(InputError, match="was trained with 1 tokens; data/token_list/char/tokens.txt has 4"):
        recipe.run(stage=7, stop_stage=7, **WITH_LM)


def test_texts_of_ones_own_without_their_empty_lines(recipe):
    Path("more.txt").write_text("x1 a\nx2\n")
    recipe.run(stop_stage=6, lm_train_text="data/train/text more.txt", **WITH_LM)
    assert Path("exp/lm_stats_char/train.txt").read_text() == "u1 a\nx1 a\n"


def test_a_model_file_that_is_not_there_the_message_lists_those_that_are(recipe):
    recipe.run(**WITH_LM)
    message = "valid.none.pth does not exist; --inference_lm names one of: valid.loss.ave.pth"
    with pytest.raises(InputError, match=message):
        recipe.run(stage=12, inference_lm="valid.none.pth", **WITH_LM)


def test_a_training_that_was_stopped_is_continued(recipe):
    with pytest.raises(CommandFailed):
        recipe.run(fails_in="espnet2.bin.launch", **WITH_LM)
    assert not Path("exp/lm_train_lm_char/.done").exists()
    assert Path("exp/lm_stats_char/.done").exists()
    recipe.run(**WITH_LM)
    assert recipe.modules[:2] == ["launch", "lm_calc_perplexity"]


def test_texts_of_ones_own_have_plain_spaces_for_espnet(recipe):
    for name in ("train", "dev", "test"):
        Path(f"{name}.txt").write_text("\ufeffu1 a\u3000a\n", encoding="utf-8")
    own = {f"lm_{name}_text": f"{name}.txt" for name in ("train", "dev", "test")}
    log = recipe.run(stop_stage=8, **own, **WITH_LM)
    stats, tested = "exp/lm_stats_char", "exp/lm_train_lm_char/perplexity_test/test.txt"
    for path in (f"{stats}/train.txt", f"{stats}/dev.txt", tested, "data/token_list/char/train.txt"):
        assert Path(path).read_text() == "u1 a a\n"
    for call in (*recipe.called("lm_train"), recipe.called("launch")[0]):
        assert f"--valid_data_path_and_name_and_type {stats}/dev.txt,text,text" in call
    assert f"--data_path_and_name_and_type {tested},text,text" in recipe.called("lm_calc_perplexity")[0]
    assert "dev.txt: 1 transcripts have white space other than" in log
