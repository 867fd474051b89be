"""A teacher whose weights are not all in its files is refused, whatever its family."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from small_teachers import FAMILIES, change_config, change_weights, save_model
from transformers import AutoModel, AutoModelForMaskedLM, AutoModelForSeq2SeqLM, T5EncoderModel

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.weights import load_encoder


def refusal(directory: Path) -> str:
    with pytest.raises(InputError) as error:
        FrozenTeacher.load(str(directory))
    assert "\n" not in str(error.value)
    assert str(directory) in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("prefix", ["module.", "net.module.", "student.", "net.bert."])
@pytest.mark.parametrize("family", ["bert", "distilbert", "roberta", "deberta-v2", "bart", "t5", "gpt2"])
def test_weights_under_another_name_are_refused_with_the_prefix(family: str, prefix: str, tmp_path):
    change_weights(save_model(tmp_path, family), lambda w: {prefix + name: t for name, t in w.items()})
    message = refusal(tmp_path)
    assert re.search(r"lacks \d+ of \d+ weights, which would be drawn at random: ", message)
    assert f"take '{prefix}' off the names" in message


def test_a_bin_file_is_judged_too(tmp_path):
    weights = load_file(save_model(tmp_path) / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    torch.save(weights, tmp_path / "pytorch_model.bin")
    whole = FrozenTeacher.load(str(tmp_path))
    torch.save({"module." + name: t for name, t in weights.items()}, tmp_path / "pytorch_model.bin")
    assert "take 'module.' off the names" in refusal(tmp_path)
    torch.save({"state_dict": weights, "epoch": torch.tensor(3)}, tmp_path / "pytorch_model.bin")
    assert "the files hold others, such as " in refusal(tmp_path)
    torch.save(weights, tmp_path / "pytorch_model.bin")
    assert FrozenTeacher.load(str(tmp_path)).identity() == whole.identity()


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("bert") / "bert")


@settings(max_examples=25)
@given(data=st.data(), damage=st.sampled_from(["missing", "shape", "nan", "infinite"]))
def test_any_one_damaged_weight_is_refused_by_name_unless_it_is_the_poolers(bert: Path, data, damage: str):
    whole = (bert / "model.safetensors").read_bytes()
    name = data.draw(st.sampled_from(sorted(load_file(bert / "model.safetensors"))))

    def change(weights: dict) -> dict:
        if damage == "missing":
            return {other: weight for other, weight in weights.items() if other != name}
        if damage == "shape":
            return {**weights, name: torch.zeros([size + 2 for size in weights[name].shape])}
        return {**weights, name: torch.full_like(weights[name], {"nan": np.nan, "infinite": np.inf}[damage])}

    try:
        identity = FrozenTeacher.load(str(bert)).identity()
        change_weights(bert, change)
        if name.startswith("pooler."):
            assert FrozenTeacher.load(str(bert)).identity() == identity
        else:
            said = {"missing": "lacks 1 of", "shape": "another shape than config.json says"}
            assert said.get(damage, "NaN or infinite") in (message := refusal(bert))
            assert name in message
    finally:
        (bert / "model.safetensors").write_bytes(whole)


@pytest.mark.parametrize("family", [f for f in FAMILIES if f not in ("gpt2", "ibert")])
def test_a_model_with_a_head_and_without_a_pooler_is_whole(family: str, tmp_path):
    sequence = family in ("bart", "mbart", "pegasus", "t5")
    save_model(tmp_path, family, AutoModelForSeq2SeqLM if sequence else AutoModelForMaskedLM)
    identity = FrozenTeacher.load(str(tmp_path)).identity()
    AutoModel.from_pretrained(tmp_path).save_pretrained(tmp_path)  # now with a pooler, drawn at random
    assert FrozenTeacher.load(str(tmp_path)).identity() == identity


@pytest.mark.parametrize("family", ["bart", "t5"])
def test_a_decoder_may_be_missing(family: str, tmp_path):
    save_model(tmp_path, family)
    identity = FrozenTeacher.load(str(tmp_path)).identity()
    change_weights(tmp_path, lambda w: {n: t for n, t in w.items() if not n.startswith("decoder.")})
    assert FrozenTeacher.load(str(tmp_path)).identity() == identity
    change_weights(tmp_path, lambda w: {n: t for n, t in w.items() if n != sorted(w)[0]})
    assert "lacks 1 of" in refusal(tmp_path)


def test_an_encoder_saved_alone_is_read_as_its_encoder_decoder(tmp_path):
    save_model(tmp_path, "t5")
    identity = FrozenTeacher.load(str(tmp_path)).identity()
    T5EncoderModel.from_pretrained(tmp_path).save_pretrained(tmp_path)
    assert not any("decoder" in name for name in load_file(tmp_path / "model.safetensors"))
    change_config(tmp_path, is_encoder_decoder=False)  # as T5EncoderModel of some versions writes it
    assert FrozenTeacher.load(str(tmp_path)).identity() == identity


def test_an_adapter_is_not_left_out_in_silence(tmp_path):
    save_model(tmp_path)
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    assert "has an adapter (adapter_config.json), which would be left out; merge" in refusal(tmp_path)
    (tmp_path / "config.json").unlink()
    (tmp_path / "model.safetensors").unlink()
    assert "merge it into its model" in refusal(tmp_path)


def test_what_no_hidden_state_depends_on_is_the_same_at_each_loading(tmp_path):
    change_weights(save_model(tmp_path), lambda w: {n: t for n, t in w.items() if "pooler" not in n})
    pooler = load_encoder(str(tmp_path), allow_download=False).pooler
    assert not pooler.dense.weight.any()


def test_config_json_of_another_size_gives_both_shapes(tmp_path):
    change_config(save_model(tmp_path), hidden_size=32)
    shapes = "(20 × 16|another) in the files and 20 × 32 by config.json"  # 4.57 does not tell the former
    assert re.search(f": embeddings.word_embeddings.weight is {shapes}", refusal(tmp_path))


def test_config_json_with_fewer_layers_than_the_files_is_refused(tmp_path):
    change_config(save_model(tmp_path), num_hidden_layers=1)
    assert "weights of more layers than config.json says: encoder.layer.1." in refusal(tmp_path)
    save_model(tmp_path, auto=AutoModelForMaskedLM)  # now as bert.encoder.layer.1
    change_config(tmp_path, num_hidden_layers=1)
    assert "weights of more layers than config.json says: " in refusal(tmp_path)


@pytest.mark.parametrize("lost", ["file", "entry"])
def test_a_shard_that_is_missing_is_refused(lost: str, tmp_path):
    model = AutoModel.from_pretrained(save_model(tmp_path))
    whole = FrozenTeacher.load(str(tmp_path)).identity()
    (tmp_path / "model.safetensors").unlink()
    model.save_pretrained(tmp_path, max_shard_size="4KB")
    assert FrozenTeacher.load(str(tmp_path)).identity() == whole
    index = tmp_path / "model.safetensors.index.json"
    places = json.loads(index.read_text(encoding="utf-8"))
    shard = places["weight_map"]["encoder.layer.0.output.dense.weight"]
    if lost == "file":
        (tmp_path / shard).unlink()
        assert shard in refusal(tmp_path)
    else:
        places["weight_map"] = {n: place for n, place in places["weight_map"].items() if place != shard}
        index.write_text(json.dumps(places), encoding="utf-8")
        assert "drawn at random" in refusal(tmp_path)


def test_random_weights_need_no_files(tmp_path):
    change_weights(save_model(tmp_path), lambda w: {f"module.{name}": t for name, t in w.items()})
    assert FrozenTeacher.load(str(tmp_path), random_init=True).random_init
