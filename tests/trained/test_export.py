"""Export to plain ESPnet: what comes out, that stock ESPnet loads it, and what is refused."""

import shutil
import sys

import numpy as np
import pytest
import torch
import yaml
from interchange_recipe import make_data
from small_corpus import TOKENS

from espnet_gmot.errors import InputError

pytestmark = pytest.mark.slow

CONFIG = {
    "token_list": TOKENS,
    "token_type": "char",
    "frontend_conf": {"n_fft": 256, "hop_length": 128, "n_mels": 20},
    "normalize": "global_mvn",
    "normalize_conf": {"stats_file": "exp/asr_stats/train/feats_stats.npz"},
    "encoder": "conformer",
    # Alignment at several blocks (intermediate_weight); ESPnet's interctc_weight stays 0.
    "encoder_conf": {
        "output_size": 8, "attention_heads": 2, "linear_units": 16, "num_blocks": 2, "rel_pos_type": "latest",
        "interctc_layer_idx": [1], "interctc_use_conditioning": False,
    },
    "model": "gmot",
    "model_conf": {"ctc_weight": 1.0, "teacher": "a-teacher-that-is-away", "intermediate_weight": 0.5},
    "preprocessor": "gmot",
    "preprocessor_conf": {"teacher": "a-teacher-that-is-away"},
}  # fmt: skip
HYBRID = {
    "decoder": "transformer",
    "decoder_conf": {"linear_units": 16, "num_blocks": 1, "attention_heads": 2},
    "model_conf": {"ctc_weight": 0.3, "projected_side": "acoustic", "teacher_size": 16},
}
COMMAND = ["--asr_train_config", "exp/asr_x/config.yaml", "--asr_model_file", "exp/asr_x/valid.ave.pth"]


def train(directory, changes=()):
    """Write what stage 11 leaves in ``directory``: the whole configuration and a checkpoint."""
    from espnet2.utils.yaml_no_alias_safe_dump import yaml_no_alias_safe_dump

    from espnet_gmot.task import GMOTTask

    args = GMOTTask.get_parser().parse_args([])
    for name, value in (CONFIG | dict(changes)).items():
        setattr(args, name, value)
    torch.manual_seed(0)
    model = GMOTTask.build_model(args)
    directory.mkdir(parents=True)
    (directory / "config.yaml").write_text(yaml_no_alias_safe_dump(vars(args)), encoding="utf-8")
    torch.save(model.state_dict(), directory / "valid.ave.pth")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A recipe directory with a trained model in exp/asr_x."""
    directory = make_data(tmp_path_factory.mktemp("recipe"))
    stats = directory / CONFIG["normalize_conf"]["stats_file"]
    stats.parent.mkdir(parents=True)
    np.savez(stats, count=10, sum=np.arange(20.0), sum_square=np.full(20, 100.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        train(directory / "exp" / "asr_x")
    return directory


@pytest.fixture
def in_recipe(recipe, monkeypatch):
    monkeypatch.chdir(recipe)
    yield recipe
    for made in recipe.glob("exp/out*"):
        shutil.rmtree(made)


@pytest.fixture
def without_fresh_process(monkeypatch):
    """Compare the exported model in this process: refusals need no proof that the plugin is not needed."""
    from espnet_gmot.trained import export, stock_logits

    monkeypatch.setattr(
        export,
        "_logits_without_plugin",
        lambda config, model, audio: stock_logits.stock_logits(str(config), str(model), audio),
    )


def export(model="exp/asr_x", out="exp/out", data=None):
    from espnet_gmot.trained.export import export_model

    return export_model(f"{model}/config.yaml", f"{model}/valid.ave.pth", out, data)


@pytest.fixture(scope="module")
def exported(recipe):
    """What the command prints when it exports exp/asr_x to exp/plain, compared on real audio."""
    from espnet_gmot.bin.export import main

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(recipe)
        patch.setattr(sys, "argv", ["export", *COMMAND, "--out", "exp/plain", "--data", "dump/raw/dev"])
        printed = []
        patch.setattr("builtins.print", lambda *words, **_: printed.append(" ".join(map(str, words))))
        main()
    return printed


def test_configuration_and_checkpoint_are_espnets_own(recipe, exported):
    config = yaml.safe_load((recipe / "exp" / "plain" / "config.yaml").read_text(encoding="utf-8"))
    ours = yaml.safe_load((recipe / "exp" / "asr_x" / "config.yaml").read_text(encoding="utf-8"))
    assert (config["model"], config["model_conf"]) == ("espnet", {"ctc_weight": 1.0})
    assert (config["preprocessor"], config["preprocessor_conf"]) == ("default", {})
    assert {key for key in ours if config[key] != ours[key]} == {
        "model", "model_conf", "preprocessor", "preprocessor_conf"
    }  # fmt: skip
    before, after = (torch.load(recipe / "exp" / name / "valid.ave.pth") for name in ("asr_x", "plain"))
    assert before.keys() - after.keys() == {"align_steps"}
    assert all(torch.equal(after[name], before[name]) for name in after)


def test_command_says_what_was_written_and_compared(exported):
    assert "model:  exp/plain/valid.ave.pth (without align_steps)" in exported
    assert "same ctc and encoder values on 3 utterances of dump/raw/dev" in exported


def test_packed_model_works_elsewhere(recipe, exported, tmp_path, monkeypatch):
    from espnet2.bin.pack import main as pack
    from espnet2.main_funcs.pack_funcs import unpack

    from espnet_gmot.trained.stock_logits import stock_logits

    noise = [np.random.default_rng(1).normal(size=8000).astype(np.float32)]
    monkeypatch.chdir(recipe)
    expected = stock_logits("exp/asr_x/config.yaml", "exp/asr_x/valid.ave.pth", noise)
    command = next(line for line in exported if line.startswith("zip it: "))
    pack(command.partition(" espnet2.bin.pack ")[2].split())
    monkeypatch.chdir(tmp_path)
    files = unpack(recipe / "exp" / "plain" / "plain.zip", "unpacked")
    found = stock_logits(files["asr_train_config"], files["asr_model_file"], noise)
    assert found.keys() == expected.keys() == {"encoder.0", "ctc.0"}
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_hybrid_with_an_adapter_loses_the_adapter(in_recipe, without_fresh_process):
    train(in_recipe / "exp" / "out_hybrid", HYBRID)
    found = export("exp/out_hybrid")
    assert found.heads == ["ctc", "decoder", "encoder"]
    assert found.dropped[0] == "adapter.lift.0.bias"
    assert all(name == "align_steps" or name.startswith("adapter.") for name in found.dropped)
    config = yaml.safe_load(found.config.read_text(encoding="utf-8"))
    assert config["model_conf"] == {"ctc_weight": 0.3}


def test_feedback_is_refused_with_its_reason(in_recipe):
    train(in_recipe / "exp" / "out_feedback", {"model_conf": HYBRID["model_conf"] | {"feedback": 0.5}} | {
        key: HYBRID[key] for key in ("decoder", "decoder_conf")
    })  # fmt: skip
    with pytest.raises(InputError, match=r"config.yaml has feedback: 0.5: CTC and decoder see H \+ s · out"):
        export("exp/out_feedback")
    assert not (in_recipe / "exp" / "out").exists()


def test_a_plain_model_needs_no_export(in_recipe, exported):
    with pytest.raises(InputError, match="exp/plain/config.yaml has model: espnet, not gmot"):
        export("exp/plain")


def test_a_checkpoint_of_another_vocabulary_is_refused(in_recipe):
    other = in_recipe / "exp" / "out_other"
    train(other, {"token_list": [*TOKENS[:-1], "新", TOKENS[-1]]})
    shutil.copy(in_recipe / "exp" / "asr_x" / "config.yaml", other)
    with pytest.raises(InputError) as refused:
        export("exp/out_other")
    assert str(refused.value) == (
        "exp/out_other/valid.ave.pth does not fit exp/out_other/config.yaml: ctc.ctc_lo.bias is "
        "(14,) and not (13,); ctc.ctc_lo.weight is (14, 8) and not (13, 8); name files of one training"
    )


def test_a_checkpoint_of_another_encoder_is_refused(in_recipe):
    other = in_recipe / "exp" / "out_other"
    train(other, {"encoder_conf": CONFIG["encoder_conf"] | {"num_blocks": 3}})
    shutil.copy(in_recipe / "exp" / "asr_x" / "config.yaml", other)
    with pytest.raises(
        InputError, match=r"encoder.encoders.2.\S+ is unknown; .* and \d+ more; name files of"
    ):
        export("exp/out_other")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model": {}, "optimizers": [], "epoch": 3}, "holds more than a model's parameters"),
        (b"cut off", "cannot be read"),
    ],
)
def test_a_file_that_is_no_model_is_refused(in_recipe, content, message):
    other = in_recipe / "exp" / "out_other"
    shutil.copytree(in_recipe / "exp" / "asr_x", other)
    if isinstance(content, bytes):
        (other / "valid.ave.pth").write_bytes(content)
    else:
        torch.save(content, other / "valid.ave.pth")
    with pytest.raises(InputError, match=message):
        export("exp/out_other")


def test_statistics_that_are_not_there_are_named(in_recipe, tmp_path, monkeypatch):
    shutil.copytree(in_recipe / "exp" / "asr_x", tmp_path / "exp" / "asr_x")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        InputError, match="feats_stats.npz does not exist; exp/asr_x/config.yaml names it: run"
    ):
        export()


def test_an_existing_directory_is_kept(in_recipe, exported):
    with pytest.raises(InputError, match="exp/plain exists already; remove it"):
        export(out="exp/plain")


def test_other_values_stop_the_export(in_recipe, without_fresh_process, monkeypatch):
    from espnet_gmot.trained import export as module

    save = torch.save
    monkeypatch.setattr(
        module.torch, "save", lambda state, path: save({k: v * 2 for k, v in state.items()}, path)
    )
    with pytest.raises(InputError, match="other values than the original for ctc.0, ctc.1, ctc.2, encoder.0"):
        export()
    assert not list(in_recipe.glob("exp/out*")) + list(in_recipe.glob("exp/.aside*"))


def test_a_model_that_stock_espnet_cannot_load_is_not_written(in_recipe, tmp_path, monkeypatch):
    from espnet_gmot.trained import stock_logits

    failing = tmp_path / "failing.py"
    failing.write_text("raise SystemExit('KeyError: espnet')")
    monkeypatch.setattr(stock_logits, "__file__", str(failing))
    with pytest.raises(
        InputError, match="stock asr_inference cannot use the exported model.*\nKeyError: espnet"
    ):
        export()
    assert not (in_recipe / "exp" / "out").exists()
