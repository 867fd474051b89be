"""Utterances that CTC cannot align, as the model of a training and its tokens make them."""

import pytest
import yaml
from espnet2.tasks.asr import ASRTask
from small_corpus import TOKENS

from espnet_gmot.driver.ctc_lengths import find_impossible
from espnet_gmot.errors import InputError

ENCODER = {"output_size": 8, "attention_heads": 2, "linear_units": 16, "num_blocks": 1}
# 4000 samples are 32 frames of 128, and conv2d makes ((32 − 3) // 2 + 1 − 3) // 2 + 1 = 7 of them
SAMPLES = 4000
TEXTS = {
    "a seven": "今天气很好我们",
    "b eight": "今天气很好我们去",
    "c repeats": "今今天天",  # 4 labels and 2 blanks
    "d repeats": "今今天天天",  # 5 and 3
    "e unknown": "龘靐齉爩龘",  # <unk> five times and 4 blanks
}
IMPOSSIBLE = {"b": (7, 8), "d": (7, 8), "e": (7, 9)}


@pytest.fixture
def find(tmp_path):
    """Look for them in a set of TEXTS, for a training YAML with changes."""
    (tmp_path / "tokens.txt").write_text("\n".join(TOKENS) + "\n")
    (tmp_path / "text").write_text("".join(f"{key[0]} {text}\n" for key, text in TEXTS.items()))
    (tmp_path / "speech_shape").write_text("".join(f"{key[0]} {SAMPLES}\n" for key in TEXTS))

    def call(shapes=None, words=(), **changes):
        config = {
            "frontend_conf": {"n_fft": 256, "hop_length": 128, "n_mels": 20},
            "encoder": "transformer",
            "encoder_conf": ENCODER,
            "model_conf": {"ctc_weight": 1.0},
            **changes,
        }
        (tmp_path / "train.yaml").write_text(yaml.safe_dump(config))
        if shapes:
            (tmp_path / "speech_shape").write_text(shapes)
        arguments = ["--config", tmp_path / "train.yaml", "--token_list", tmp_path / "tokens.txt"]
        arguments += ["--token_type", "char", *words]
        return find_impossible(arguments, {"s": tmp_path / "speech_shape"}, {"s": tmp_path / "text"})["s"]

    return call


def test_labels_blanks_between_equal_ones_and_unknown_ones_count(find):
    assert find() == IMPOSSIBLE


def test_a_coarser_input_layer_has_fewer_frames(find):
    found = find(encoder_conf=ENCODER | {"input_layer": "conv2d6"})
    assert found == {key[0]: (4, {"a": 7, "c": 6}.get(key[0], 8 + (key[0] == "e"))) for key in TEXTS}


def test_arguments_change_the_model_as_in_training(find):
    assert find(words=["--frontend_conf", "hop_length=64"]) == {}
    assert find(words=["--model_conf", "ctc_weight=0.3"], decoder="transformer") == IMPOSSIBLE


def test_our_model_without_its_teacher(find):
    model = {"ctc_weight": 1.0, "projection": "no such file", "teacher": "no such teacher"}
    gmot = {"model": "gmot", "preprocessor": "gmot", "preprocessor_conf": {"teacher": "no such teacher"}}
    assert find(**gmot, model_conf=model) == IMPOSSIBLE


def test_statistics_of_the_features_are_not_needed(find):
    assert find(normalize="global_mvn", normalize_conf={"stats_file": "no such file"}) == IMPOSSIBLE


def test_features_instead_of_audio(find):
    shapes = "".join(f"{key[0]} {32 if key[0] == 'b' else 36},20\n" for key in TEXTS)
    config = {"input_size": 20, "frontend": None, "frontend_conf": {}}
    assert find(shapes, **config) == {"b": (7, 8), "e": (8, 9)}


def test_attention_alone_has_no_such_limit(find):
    assert find(model_conf={"ctc_weight": 0.0}, decoder="transformer") == {}


def test_transducers_have_no_such_limit(find, monkeypatch):
    build = ASRTask.build_model

    def build_transducer(args):  # a real one wants a library for its loss
        model = build(args)
        model.use_transducer_decoder = True
        return model

    monkeypatch.setattr(ASRTask, "build_model", build_transducer)
    assert find() == {}


def test_an_option_that_our_model_refuses_ends_it(find):
    with pytest.raises(InputError, match="alpha is 2.0"):
        find(model="gmot", model_conf={"ctc_weight": 1.0, "alpha": 2.0})
