"""Stages 10 and 11: what makes statistics and a training others, and which training is continued."""

from pathlib import Path

import pytest
import torch
import yaml

from espnet_gmot.driver.commands import CommandFailed
from espnet_gmot.errors import InputError

EXP = Path("exp/asr_train_small_raw_char")
STATS = "exp/asr_stats_raw_char"


def checkpoint(directory):
    """What ESPnet leaves after an epoch of a training with the stand-in's tokens."""
    tokens = ["<blank>", "<unk>", "a", "<sos/eos>"]
    (directory / "config.yaml").write_text(yaml.safe_dump({"token_list": tokens}))
    reporter = {"epoch": 1, "stats": {1: {}}}
    torch.save({"model": {}, "reporter": reporter}, directory / "checkpoint.pth")


def test_another_configuration_is_refused_until_the_record_is_removed(recipe):
    recipe.run()
    checkpoint(EXP)
    Path("conf/train_small.yaml").write_text("max_epoch: 2\n")
    message = rf"{EXP} holds a training from other inputs \(max_epoch\): remove it or train under another tag"
    with pytest.raises(InputError, match=message) as refusal:
        recipe.run()
    assert str(refusal.value).endswith(f"remove {EXP}/.done")
    (EXP / ".done").unlink()
    recipe.run()
    assert "--config conf/train_small.yaml" in recipe.called("launch")[0]


def test_a_training_begun_from_other_inputs_is_refused_too(recipe):
    recipe.run()
    checkpoint(EXP)
    (EXP / ".done").rename(EXP / ".begun")
    with pytest.raises(InputError, match=rf"holds .* \(seed, --asr_args\): .*, remove {EXP}/.begun$"):
        recipe.run(asr_args="--seed 2", asr_exp=EXP)
    recipe.run()
    assert "launch" in recipe.modules


def test_a_comment_is_no_other_configuration_and_a_refusal_leaves_what_is_done(recipe):
    recipe.run()
    checkpoint(EXP)
    config = Path("conf/train_small.yaml")
    config.write_text(config.read_text() + "# a comment\n")
    assert "already done" in recipe.run(stage=11, stop_stage=11)
    before = config.read_text()
    config.write_text(before + "seed: 7\n")
    with pytest.raises(InputError, match=rf"{EXP} holds a training from other inputs \(seed\)"):
        recipe.run(stage=11, stop_stage=11)
    config.write_text(before)
    assert "already done" in recipe.run(stage=11, stop_stage=11)


def test_a_damaged_checkpoint_is_set_aside_and_training_begins_anew(recipe):
    recipe.run()
    (EXP / "checkpoint.pth").write_bytes(b"cut o")
    log = recipe.run(stage=11, stop_stage=11, asr_args="--seed 2", asr_exp=EXP)
    assert f"{EXP}/checkpoint.pth was cut off and is now {EXP}/checkpoint.pth.damaged" in log
    assert recipe.modules == ["launch"]


def test_after_a_damaged_checkpoint_training_goes_on_from_the_epoch_before(recipe):
    recipe.run(stop_stage=10)
    EXP.mkdir()
    checkpoint(EXP)
    previous = (EXP / "checkpoint.pth").rename(EXP / "checkpoint.pth.previous").read_bytes()
    (EXP / "checkpoint.pth").write_bytes(b"cut o")
    log = recipe.run(stage=11, stop_stage=11)
    assert f"{EXP}/checkpoint.pth.damaged; training goes on from the epoch before" in log
    assert (EXP / "checkpoint.pth").read_bytes() == previous
    assert not (EXP / "checkpoint.pth.previous").exists()  # the training has ended


def test_a_copy_of_a_training_given_up_is_not_gone_on_from(recipe):
    recipe.run(stop_stage=10)
    EXP.mkdir()
    checkpoint(EXP)
    (EXP / "checkpoint.pth").rename(EXP / "checkpoint.pth.previous")
    with pytest.raises(CommandFailed):
        recipe.run(stage=11, stop_stage=11, fails_in="espnet2.bin.launch")
    assert not (EXP / "checkpoint.pth.previous").exists()


def test_a_last_epoch_that_was_cut_off_is_written_again(recipe):
    recipe.run(stop_stage=10)
    EXP.mkdir()
    checkpoint(EXP)
    assert f"{EXP}/1epoch.pth was missing or cut off" in recipe.run(stage=11, stop_stage=11)
    assert (EXP / "1epoch.pth").is_file()


@pytest.mark.parametrize("left", ["", "token_list: [", "seed: 0\n"])
def test_a_configuration_that_was_cut_off_is_written_again(recipe, left):
    recipe.run(stop_stage=11)
    (EXP / ".done").rename(EXP / ".begun")
    checkpoint(EXP)
    (EXP / "config.yaml").write_text(left)
    recipe.run(stage=11, stop_stage=11)
    assert recipe.modules == ["launch"]
    assert yaml.safe_load((EXP / "config.yaml").read_text()) == {"model": "espnet"}
    assert (EXP / "latest.pth").readlink() == Path("1epoch.pth")
    (EXP / ".done").unlink()  # nobody knows from which tokens
    (EXP / "config.yaml").write_text(left)
    with pytest.raises(InputError, match=f"(?s){EXP}/config.yaml .*; .*remove {EXP} to train anew"):
        recipe.run(stage=11, stop_stage=11)


def test_a_record_of_an_earlier_version_is_taken_with_a_warning(recipe):
    recipe.run()
    (EXP / ".done").write_text(" 8k 36472834 21\n")
    assert f"{EXP}/.done is of an earlier version" in recipe.run(stage=11, stop_stage=11)
    assert not recipe.calls
    (EXP / ".done").unlink()
    (EXP / ".begun").write_text(" 8k 36472834 21\n")
    log = recipe.run(stage=11, stop_stage=11)
    assert f"{EXP}/.begun cannot be compared with today's inputs" in log
    assert recipe.modules == ["launch"]


def test_another_transcript_of_the_same_length(recipe, said_again):
    recipe.run(stop_stage=11)
    Path("dump/raw/train/text").write_text("u1 b\n")
    assert said_again(EXP, "train text") in recipe.run(stage=11, stop_stage=11)


def test_another_normalisation(recipe, said_again):
    recipe.run(stop_stage=11)
    log = recipe.run(stage=11, stop_stage=11, feats_normalize="none")
    assert said_again(EXP, "--feats_normalize, train feats_stats.npz") in log
    assert "--normalize" not in recipe.calls[0]


@pytest.mark.parametrize("symbols", ["<noise>", "<cough>"])
def test_other_symbols(recipe, said_again, symbols):
    Path("nlsyms").write_text("<breath>\n")
    recipe.run(stop_stage=11, nlsyms_txt="nlsyms")
    Path("nlsyms").write_text(f"{symbols}\n")
    log = recipe.run(stage=5, stop_stage=11, nlsyms_txt="nlsyms")
    for directory in ("data/token_list/char", STATS, EXP):
        assert said_again(directory, "--nlsyms_txt") in log
    log = recipe.run(stage=5, stop_stage=11)
    assert said_again(STATS, "--nlsyms_txt") in log


def test_each_of_an_arguments_repeated_values_counts(recipe, said_again):
    for name in ("a.pth", "b.pth", "c.pth"):
        Path(name).touch()
    recipe.run(stop_stage=11, asr_exp="exp/x", asr_args="--init_param a.pth --init_param b.pth")
    other = "--init_param c.pth --init_param b.pth"
    assert said_again("exp/x", "--asr_args") in recipe.run(
        stage=11, stop_stage=11, asr_exp="exp/x", asr_args=other
    )


def test_another_teacher_is_another_training(recipe, said_again):
    Path("cache").mkdir()
    Path("cache/meta.json").write_text('{"fingerprint": "a"}')
    with Path("conf/train_small.yaml").open("a") as config:
        config.write("preprocessor_conf: {teacher_cache: none}\n")
    options = {"asr_args": "--preprocessor_conf teacher_cache=cache", "asr_exp": "exp/x"}
    recipe.run(stop_stage=11, **options)
    assert "already done (remove exp/x to redo)" in recipe.run(stop_stage=11, **options)
    Path("cache/meta.json").write_text('{"fingerprint": "b"}')
    assert said_again("exp/x", "the teacher cache") in recipe.run(stop_stage=11, **options)


def test_another_front_end_has_other_statistics_another_optimiser_has_not(recipe, said_again):
    recipe.run(stop_stage=10)
    with Path("conf/train_small.yaml").open("a") as config:
        config.write("optim: adam\n")
    assert f"already done (remove {STATS}/.done to redo)" in recipe.run(stage=10, stop_stage=10)
    with Path("conf/train_small.yaml").open("a") as config:
        config.write("frontend_conf: {n_mels: 40}\n")
    assert said_again(STATS, "frontend_conf") in recipe.run(stage=10, stop_stage=10)
    log = recipe.run(stage=10, stop_stage=10, asr_args="--frontend_conf n_mels=80")
    assert said_again(STATS, "frontend_conf") in log


def test_a_configuration_that_is_no_yaml_is_refused(recipe):
    Path("conf/train_small.yaml").write_text("frontend_conf: [1\n")
    with pytest.raises(InputError, match="conf/train_small.yaml is no YAML"):
        recipe.run(stop_stage=10)
    assert "asr_train" not in recipe.modules


def test_the_yamls_own_token_type_does_not_disturb_the_record(recipe):
    with Path("conf/train_small.yaml").open("a") as config:
        config.write("token_type: char\ncleaner: none\n")
    recipe.run(stop_stage=11)
    assert "launch" in recipe.modules


def test_moved_data_of_the_same_content_leave_a_finished_training(recipe):
    recipe.run(stop_stage=11)
    checkpoint(EXP)
    Path("dump").rename("dump2")
    assert "already done" in recipe.run(stage=11, stop_stage=11, dumpdir="dump2")


@pytest.fixture
def of_ctc(recipe):
    """A recipe up to stage 10, whose training set has an utterance of half a second and 60 labels too."""
    with Path("conf/train_small.yaml").open("a") as config:
        config.write("model_conf: {ctc_weight: 1.0}\n")
    recipe.run(stop_stage=10)
    with Path("dump/raw/train/text").open("a") as text:
        text.write(f"u2 {'a' * 60}\n")
    for shape, length in (("speech_shape", "4000"), ("text_shape.char", "60,4")):
        with (Path(STATS) / "train" / shape).open("a") as lines:
            lines.write(f"u2 {length}\n")
    return recipe


def test_labels_that_ctc_cannot_place_are_refused_dropped_or_kept(of_ctc):
    message = (
        r"train: CTC cannot align 1 of 2 utterances.*: u2 \(\d+ frames, 119 needed\).*--ctc_impossible drop"
    )
    with pytest.raises(InputError, match=message):
        of_ctc.run(stage=11, stop_stage=11)
    assert not of_ctc.calls
    assert "they are left out" in of_ctc.run(stage=11, stop_stage=11, ctc_impossible="drop")
    assert f"--train_shape_file {EXP}/ctc_check/train/speech_shape" in of_ctc.calls[0]
    assert f"--valid_shape_file {STATS}/valid/speech_shape" in of_ctc.calls[0]
    assert (EXP / "ctc_check/train/text_shape.char").read_text() == "u1 1,4\n"
    log = of_ctc.run(stage=11, stop_stage=11, ctc_impossible="keep")
    assert "they stay in, as --ctc_impossible keep says" in log
    assert f"--train_shape_file {STATS}/train/speech_shape" in of_ctc.calls[0]


def test_other_utterances_left_out_are_another_training(of_ctc):
    of_ctc.run(stage=11, stop_stage=11, ctc_impossible="drop")
    checkpoint(EXP)
    assert "already done" in of_ctc.run(stage=11, stop_stage=11, ctc_impossible="drop")
    with pytest.raises(InputError, match=r"holds a training from other inputs \(train speech_shape"):
        of_ctc.run(stage=11, stop_stage=11, ctc_impossible="keep")


@pytest.mark.parametrize("left", [".done", ".begun"])
def test_a_training_that_was_begun_with_all_utterances_stays_what_it_is(of_ctc, left):
    of_ctc.run(stage=11, stop_stage=11, ctc_impossible="keep")
    checkpoint(EXP)
    (EXP / ".done").rename(EXP / left)
    log = of_ctc.run(stage=11, stop_stage=11)
    assert "CTC cannot align 1 of 2 utterances" in log
    assert "they stay in" in log
    assert ("already done" in log) == (left == ".done")
    shape = Path(STATS, "train/speech_shape")
    shape.write_text(shape.read_text().replace("u2 4000", "u2 4001"))
    with pytest.raises(InputError, match="are too many"):
        of_ctc.run(stage=11, stop_stage=11)


def test_attention_alone_is_not_concerned(of_ctc):
    log = of_ctc.run(stage=11, stop_stage=11, asr_args="--model_conf ctc_weight=0.0 --decoder transformer")
    assert "CTC" not in log
    assert "launch" in of_ctc.modules
