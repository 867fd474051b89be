"""What a training is made from: merged arguments, keys that change with front end and teachers."""

import json

import pytest
import yaml

from espnet_gmot.driver.training_inputs import front_end_key, teacher_key, training_key, with_arguments
from espnet_gmot.errors import InputError


def test_arguments_take_the_place_of_the_yamls_values():
    config = {"model_conf": {"alpha": 0.5, "ctc_weight": 1.0}, "seed": 0, "encoder_conf": None}
    arguments = [
        "--seed",
        "3",
        "--model_conf",
        "alpha=0.1",
        "--model_conf",
        "projection=a/b.npz",
        "--encoder_conf",
        "a.b=[1,2]",
    ]
    assert with_arguments(config, arguments) == {
        "model_conf": {"alpha": 0.1, "ctc_weight": 1.0, "projection": "a/b.npz"},
        "seed": 3,
        "encoder_conf": {"a": {"b": [1, 2]}},
    }
    assert config["model_conf"]["alpha"] == 0.5
    assert with_arguments({}, ["--model_conf={alpha: 1}", "--ngpu=0"]) == {
        "model_conf": {"alpha": 1},
        "ngpu": 0,
    }


def test_arguments_are_merged_as_espnet_does(tmp_path):
    from espnet2.tasks.asr import ASRTask

    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump({"frontend_conf": {"n_fft": 512}, "seed": 1}))
    arguments = ["--frontend_conf", "n_mels=40", "--frontend_conf", "a.b=2", "--seed", "5"]
    theirs = vars(ASRTask.get_parser().parse_args(["--config", str(path), *arguments]))
    ours = with_arguments(yaml.safe_load(path.read_text()), arguments)
    assert ours == {key: theirs[key] for key in ("frontend_conf", "seed")}


def test_an_argument_without_option_is_refused():
    with pytest.raises(InputError, match="max_epoch belongs to no option; write --name value in --asr_args"):
        with_arguments({}, ["max_epoch", "3"])


def test_front_end_key_changes_with_the_features_alone():
    key = front_end_key({"frontend_conf": {"n_mels": 40, "n_fft": 512}, "seed": 0})
    assert key == front_end_key({"frontend_conf": {"n_fft": 512, "n_mels": 40}, "seed": 1})
    assert key != front_end_key({"frontend_conf": {"n_mels": 80, "n_fft": 512}})
    assert key != front_end_key({"frontend_conf": {"n_mels": 40, "n_fft": 512}, "frontend": "s3prl"})


def test_training_key_changes_with_any_value_but_not_with_how_it_is_written():
    key = training_key(yaml.safe_load("# a comment\nseed: 0\nmodel_conf: {alpha: 0.5, ctc_weight: 1.0}"))
    assert key == training_key({"model_conf": {"ctc_weight": 1.0, "alpha": 0.5}, "seed": 0})
    assert key != training_key({"model_conf": {"ctc_weight": 1.0, "alpha": 0.6}, "seed": 0})


@pytest.fixture
def files(tmp_path):
    """A cache, a projection, a teacher's directory."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "bert").mkdir()
    (tmp_path / "cache/meta.json").write_text(json.dumps({"fingerprint": "a"}))
    (tmp_path / "p.npz").write_bytes(b"axes")
    (tmp_path / "bert/model.safetensors").write_bytes(b"weights")
    return tmp_path


@pytest.mark.parametrize(
    "style", ["{teacher_cache: CACHE}", '\n    teacher_cache: "CACHE"  # here', "{'teacher_cache': 'CACHE'}"]
)
def test_teacher_key_changes_with_the_cache_however_the_yaml_is_written(files, style):
    config = yaml.safe_load(f"preprocessor_conf: {style.replace('CACHE', str(files / 'cache'))}")
    before = teacher_key(config)
    (files / "cache/meta.json").write_text(json.dumps({"fingerprint": "b"}))
    assert teacher_key(config) != before


def test_teacher_key_changes_with_projection_and_local_teacher(files):
    config = {"model_conf": {"projection": str(files / "p.npz"), "teacher": str(files / "bert")}}
    keys = [teacher_key(config)]
    (files / "p.npz").write_bytes(b"other")
    keys.append(teacher_key(config))
    (files / "bert/model.safetensors").write_bytes(b"others")
    keys.append(teacher_key(config))
    (files / "p.npz").unlink()
    keys.append(teacher_key(config))
    assert len(set(keys)) == 4


def test_teacher_key_of_a_baseline_and_of_a_published_name():
    assert teacher_key({}) == teacher_key({"model_conf": {"ctc_weight": 1.0}})
    assert teacher_key({"model_conf": {"teacher": "bert-base-chinese"}})
