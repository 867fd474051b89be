"""The stages of our system; what ESPnet3 does in them is replaced."""

import logging
import os

import pytest
import yaml
from espnet3_installed import needs_espnet3
from espnet3_recipes import EGS3, load
from interchange_recipe import make_data
from small_corpus import TOKENS, TRANSCRIPTS

from espnet_gmot.errors import InputError

pytestmark = needs_espnet3

CONF = EGS3 / "mini_mandarin" / "esp2_asr" / "conf"


@pytest.fixture
def recipe(tmp_path, monkeypatch, caplog):
    """A directory with data, where it is current."""
    caplog.set_level(logging.INFO)
    monkeypatch.chdir(make_data(tmp_path))
    return tmp_path


@pytest.fixture
def calls(monkeypatch):
    """The names of ESPnet3's stages that ran."""
    from espnet3.systems.esp2_asr.system import ASRSystem

    from espnet_gmot.espnet3 import system

    calls = []
    for stage in ("train", "infer"):
        monkeypatch.setattr(ASRSystem, stage, lambda self, stage=stage: calls.append(stage))
    monkeypatch.setattr(system, "collect_stats", lambda config: calls.append(config.model.pop("normalize")))
    return calls


def build(training="training_ctc", *changes):
    from espnet_gmot.espnet3.system import GMOTSystem

    return GMOTSystem(training_config=load(CONF / f"{training}.yaml", "exp_tag=x", "exp_dir=exp/x", *changes))


def test_the_teacher_comes_before_the_statistics():
    from espnet_gmot.espnet3.system import GMOTSystem

    names = [stage.name for stage in GMOTSystem.stages]
    assert names[:5] == ["create_dataset", "train_tokenizer", "cache_teacher", "collect_stats", "train"]


def test_no_log_is_written_into_the_demo_which_is_uploaded():
    from espnet_gmot.espnet3.system import GMOTSystem

    demo = [stage.log_dir for stage in GMOTSystem.stages if stage.config == "demo"]
    assert demo == ["exp_dir", "exp_dir"]


def test_characters_are_listed_once_and_again_for_another_text(recipe, caplog):
    stage = build().train_tokenizer
    stage()
    tokens = (recipe / "data" / "token_list" / "char" / "tokens.txt").read_text().split()
    assert tokens[:2] == ["<blank>", "<unk>"] and tokens[-1] == "<sos/eos>"
    assert set(tokens[2:-1]) == set("".join(TRANSCRIPTS)) <= set(TOKENS)
    stage()
    assert "already done" in caplog.text
    with open("dump/raw/train/text", "a") as text:
        text.write("u9 猫\n")
    stage()
    assert "猫" in (recipe / "data" / "token_list" / "char" / "tokens.txt").read_text()


def test_a_token_list_may_be_there_already(recipe, calls, caplog):
    system = build("training_ctc", "tokenizer=null", "model.token_list=[a,b]", "dataset.preprocessor=null")
    system.train_tokenizer()
    assert "no tokenizer is asked for" in caplog.text
    assert system._has_tokenizer()


def test_statistics_leave_the_configuration_as_it_is(recipe, calls, caplog):
    system = build()
    system.collect_stats()
    assert calls == ["global_mvn"] and system.training_config.model.normalize == "global_mvn"
    system.collect_stats()
    assert calls == ["global_mvn"] and "already done (remove exp/stats/.done to redo)" in caplog.text


def test_a_training_from_other_inputs_is_refused(recipe, calls):
    build().train()
    build().train()
    assert calls == ["train"]
    (recipe / "exp" / "x" / "step3.ckpt").touch()
    with pytest.raises(InputError, match=r"exp/x holds a training from other inputs \(seed\): remove it or"):
        build("training_ctc", "seed=1").train()
    (recipe / "exp" / "x" / ".done").unlink()
    build("training_ctc", "seed=1").train()
    assert calls == ["train", "train"]


def test_a_link_that_a_kill_took_leads_to_the_newest_checkpoint(recipe, calls, caplog):
    exp = recipe / "exp" / "x"
    exp.mkdir(parents=True)
    for number in (9, 10):
        (exp / f"step{number}.ckpt").touch()
        os.utime(exp / f"step{number}.ckpt", (number, number))
    (exp / "last.ckpt").symlink_to("step8.ckpt")
    build().train()
    assert (exp / "last.ckpt").readlink().name == "step10.ckpt"
    assert "exp/x/last.ckpt was missing and leads to step10.ckpt" in caplog.text


def test_a_model_that_is_not_there_is_not_decoded(recipe, calls):
    system = build()
    system.inference_config = load(CONF / "inference.yaml", "exp_dir=exp/x")
    with pytest.raises(InputError, match="ave_5best.pth does not exist; run the stage train"):
        system.infer()
    assert calls == []


def test_without_a_teacher_its_stage_does_nothing_and_its_command_may_fail(recipe, caplog):
    from espnet_gmot.driver.commands import CommandFailed

    build().cache_teacher()
    assert "x has no teacher: nothing to do" in caplog.text
    with pytest.raises(CommandFailed, match="this ended with status 2: ls nothing"):
        build("training_gmot", "cache_teacher.command=ls nothing").cache_teacher()


def test_what_the_model_is_built_from_is_packed_wherever_it_lies(recipe, monkeypatch):
    from espnet3.systems.esp2_asr.system import ASRSystem

    packed = []
    monkeypatch.setattr(
        ASRSystem, "pack_model", lambda self: packed.extend(self.publication_config.pack_model.include)
    )
    system = build("training_ctc", "stats_dir=elsewhere", "tokenizer.save_path=tokens")
    system.publication_config = load(CONF / "publication.yaml", "exp_dir=exp/x", "exp_tag=x")
    files = {
        "exp/x/config.yaml": "normalize_conf: {stats_file: elsewhere/train/feats_stats.npz}\n",
        "tokens/tokens.txt": "的\n",
        "elsewhere/train/feats_stats.npz": "statistics",
    }
    for (name, content), stage in zip(files.items(), ("train", "train_tokenizer", None), strict=True):
        with pytest.raises(InputError, match=f"{name} .*{stage or 'run this where the training was run'}"):
            system.pack_model()
        (recipe / name).parent.mkdir(parents=True, exist_ok=True)
        (recipe / name).write_text(content)
    system.pack_model()
    assert packed[-3:] == ["dataset", "tokens/tokens.txt", "elsewhere/train/feats_stats.npz"]


def test_a_demo_is_packed_again_with_the_model_of_now(recipe):
    system = build()
    pack, demo = recipe / "exp" / "x" / "model_pack", recipe / "exp" / "x" / "demo"
    for content in ("first", "second"):
        system.demo_config = load(CONF / "demo.yaml", "exp_dir=exp/x", "exp_tag=x")
        if content == "first":
            with pytest.raises(InputError, match="meta.yaml does not exist; run the stage pack_model"):
                system.pack_demo()
            pack.mkdir(parents=True)
        (pack / "meta.yaml").write_text(content)
        system.pack_demo()
        copied = demo / "model_pack"
        assert (copied / "meta.yaml").read_text() == content and not copied.is_symlink()
    assert yaml.safe_load((demo / "demo.yaml").read_text())["model"]["dir_or_tag"] == "model_pack"
    assert (demo / "requirements.txt").read_text() == "espnet_gmot[demo_page]\n"
    card = yaml.safe_load((demo / "README.md").read_text().split("---")[1])
    assert (card["title"], card["license"], card["app_file"]) == ("mini_mandarin: x", "other", "app.py")
