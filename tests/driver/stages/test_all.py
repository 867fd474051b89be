"""All stages in a row, in which no command really runs."""

from pathlib import Path

import pytest

from espnet_gmot.driver.commands import CommandFailed
from espnet_gmot.errors import InputError

ASR = "exp/asr_train_small_raw_char"


def test_all_stages_in_order_and_a_rerun_makes_nothing_again(recipe):
    recipe.run()
    assert recipe.modules == [
        *["run_share"] * 3, "tokenize_text", "asr_train", "aggregate_stats_dirs", "launch", "asr_inference",
        "score", "score", "stage",
    ]  # fmt: skip
    made = {path: path.stat().st_mtime_ns for path in Path("dump/raw/org").rglob("*")}
    assert f"already done (remove {ASR} to redo)" in recipe.run()
    assert recipe.modules == ["score", "score", "stage"]
    assert {path: path.stat().st_mtime_ns for path in Path("dump/raw/org").rglob("*")} == made


def test_directories_and_arguments_are_those_of_espnet(recipe):
    Path("wav/train.wav").rename("wav/u1.wav")
    Path("data/train/wav.scp").write_text("u1 wav/u1.wav\n")
    recipe.run(
        lang="zh", speed_perturb_factors="0.9 1.0", asr_args="--max_epoch 3", inference_args="--beam_size 2"
    )
    exp, stats = "exp/asr_train_small_raw_zh_char_max_epoch3_sp", "exp/asr_stats_raw_zh_char_sp"
    for made in (
        "data/zh_token_list/char/tokens.txt",
        "dump/raw/train_sp/text",
        f"{stats}/train/text_shape.char",
        f"{exp}/inference_beam_size2_asr_model_valid.acc.ave/test/text",
    ):
        assert Path(made).is_file()
    (launch,) = recipe.called("launch")
    for part in (
        "--cmd now --quietly --name asr_train_small_raw_zh_char_max_epoch3_sp --num_threads 2",
        f"--log {exp}/train.log --ngpu 0 --num_nodes 1 --init_file_prefix {exp}/.dist_init_",
        "--multiprocessing_distributed true -- py -m espnet2.bin.asr_train --resume true --output_dir",
        "--fold_length 80000 --fold_length 150 --max_epoch 3",
        f"--normalize=global_mvn --normalize_conf stats_file={stats}/train/feats_stats.npz",
        "--frontend_conf fs=8k",
    ):
        assert part in launch
    assert not [call for call in recipe.called("score") if "--token_type word" in call]  # no words to count


def test_bpe_has_a_token_list_a_model_and_a_token_error_rate(recipe):
    Path("data/train/text").write_text("u1 a b c d ab cd ab\n")
    recipe.run(token_type="bpe", nbpe=9)
    tokens = Path("data/token_list/bpe_unigram9/tokens.txt").read_text().split("\n")
    assert (tokens[:2], tokens[-2:], len(tokens) - 1) == (["<blank>", "<unk>"], ["<sos/eos>", ""], 9)
    for call in recipe.called("asr_train"):
        assert "--bpemodel data/token_list/bpe_unigram9/bpe.model --token_type bpe" in call
    decoded = "exp/asr_train_small_raw_bpe9/inference_asr_model_valid.acc.ave/test"
    (call,) = [call for call in recipe.called("score") if call.endswith("score_ter")]
    assert f"--ref {decoded}/score_ter/ref --hyp {decoded}/score_ter/hyp" in call
    assert Path(f"{decoded}/score_ter/ref").read_text().startswith("u1 ▁")
    assert Path(f"{decoded}/score_ter/hyp").read_text().startswith("u1 ▁")


@pytest.mark.parametrize(
    ("stage", "missing", "maker"),
    [
        (2, "data/train/wav.scp", 1),
        (3, "data/train/wav.scp", 1),
        (4, "dump/raw/org/train/utt2num_samples", 3),
        (5, "dump/raw/train/text", 4),
        (6, "dump/raw/train/text", 4),
        (7, "exp/lm_stats_char/train/text_shape.char", 6),
        (8, "exp/lm_train_lm_char/config.yaml", 7),
        (10, "dump/raw/train/wav.scp", 4),
        (11, "exp/asr_stats_raw_char/train/text_shape.char", 10),
        (12, f"{ASR}/config.yaml", 11),
        (13, f"{ASR}/inference_lm_lm_train_lm_char_valid.loss.ave_asr_model_valid.acc.ave/test/text", 12),
        (14, f"{ASR}/config.yaml", 11),
    ],
)
def test_a_missing_input_names_the_stage_that_makes_it(recipe, stage, missing, maker):
    for path in Path("data").glob("*/wav.scp"):
        path.unlink()
    if stage in (8, 11):
        for path in ("dump/raw/train/text", "dump/raw/dev/text", "dump/raw/test/text"):
            Path(path).parent.mkdir(parents=True)
            Path(path).write_text("u1 a\n")
    options = {"use_lm": True, "lm_config": "conf/train_lm.yaml", "skip_packing": False}
    with pytest.raises(InputError, match=rf"^{missing} does not exist; run stage {maker} first$"):
        recipe.run(stage=stage, stop_stage=stage, speed_perturb_factors="" if stage > 2 else "0.9", **options)
    assert not Path("exp").exists()


@pytest.mark.parametrize(
    ("options", "modules"),
    [
        ({"skip_train": True, "skip_eval": True}, ["tokenize_text"]),
        ({"skip_data_prep": True, "skip_eval": True}, ["asr_train", "aggregate_stats_dirs", "launch"]),
    ],
)
def test_skipped_stages_run_nothing(recipe, options, modules):
    recipe.run(stop_stage=5)
    Path("data/token_list/char/.done").unlink()
    recipe.run(**options)
    assert recipe.modules == modules
    assert Path("exp").exists() == ("launch" in modules)


def test_a_failed_stage_leaves_no_record_and_the_rerun_continues_there(recipe):
    with pytest.raises(CommandFailed):
        recipe.run(fails_in="espnet2.bin.asr_train")
    assert not Path("exp/asr_stats_raw_char/.done").exists()
    recipe.run()
    assert recipe.modules[:2] == ["asr_train", "aggregate_stats_dirs"]


def test_archives_of_audio_are_read_as_kaldis(recipe):
    recipe.run(audio_format="flac.ark")
    assert "data_wav.ark:" in Path("dump/raw/test/wav.scp").read_text()
    for call in recipe.called("asr_train") + recipe.called("launch"):
        assert "dump/raw/train/wav.scp,speech,kaldi_ark" in call
    assert "dump/raw/test/wav.scp,speech,kaldi_ark" in recipe.called("asr_inference")[0]
