"""What a training is made from: merged arguments, inputs that change with teachers and other files."""

import itertools
import json

import pytest
import yaml

from espnet_gmot.driver.freshness import Record
from espnet_gmot.driver.training_inputs import (
    file_inputs,
    teacher_inputs,
    training_inputs,
    with_arguments,
)
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


def test_several_values_of_an_argument_are_a_list_and_a_flag_has_none():
    merged = with_arguments({}, ["--init_param", "a.pth", "b.pth", "--use-amp", "true", "--quiet"])
    assert merged == {"init_param": ["a.pth", "b.pth"], "use_amp": True, "quiet": []}


def test_a_mapping_that_is_none_is_refused():
    with pytest.raises(InputError, match="(?s)must be interpreted as dict.*correct --asr_args or --lm_args"):
        with_arguments({}, ["--optim_conf", "0.1"])


def test_an_argument_without_option_is_refused():
    with pytest.raises(InputError, match="max_epoch belongs to no option; write --name value in --asr_args"):
        with_arguments({}, ["max_epoch", "3"])


def same(one, other, directory):
    """Whether records of both inputs are alike."""
    return Record(directory, **one).inputs == Record(directory, **other).inputs


def test_a_training_changes_with_any_value_but_not_with_how_it_is_written(tmp_path):
    config = yaml.safe_load("# a comment\nseed: 0\nmodel_conf: {alpha: 0.5, ctc_weight: 1.0}")
    alike = {"model_conf": {"ctc_weight": 1.0, "alpha": 0.5}, "seed": 0}
    other = {"model_conf": {"ctc_weight": 1.0, "alpha": 0.6}, "seed": 0}
    assert same(training_inputs(config), training_inputs(alike), tmp_path)
    assert not same(training_inputs(config), training_inputs(other), tmp_path)


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
def test_teachers_change_with_the_cache_however_the_yaml_is_written(files, style):
    config = yaml.safe_load(f"preprocessor_conf: {style.replace('CACHE', str(files / 'cache'))}")
    before = teacher_inputs(config)
    (files / "cache/meta.json").write_text(json.dumps({"fingerprint": "b"}))
    assert teacher_inputs(config) != before


def test_teachers_change_with_projection_and_local_teacher(files):
    config = {"model_conf": {"projection": str(files / "p.npz"), "teacher": str(files / "bert")}}
    inputs = [teacher_inputs(config)]
    (files / "p.npz").write_bytes(b"other")
    inputs.append(teacher_inputs(config))
    (files / "bert/model.safetensors").write_bytes(b"others")
    inputs.append(teacher_inputs(config))
    (files / "p.npz").unlink()
    inputs.append(teacher_inputs(config))
    assert all(one != other for one, other in itertools.combinations(inputs, 2))


def test_teachers_of_a_baseline_and_of_a_published_name():
    assert teacher_inputs({}) == teacher_inputs({"model_conf": {"ctc_weight": 1.0}}) == {}
    assert teacher_inputs({"model_conf": {"teacher": "bert-base-chinese"}})


def test_a_training_changes_with_the_files_that_its_options_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = {"init_param": ["a.pth:encoder", "b.pth"], "seed": 0, "frontend_conf": {"of": {"it": "c.bin"}}}
    assert file_inputs(config) == {}
    for name in ("a.pth", "c.bin"):
        (tmp_path / name).write_bytes(b"weights")
    before = file_inputs(config)
    assert list(before) == ["the file a.pth", "the file c.bin"]
    (tmp_path / "c.bin").write_bytes(b"others!!")
    after = file_inputs(config)
    assert [after[name] != before[name] for name in after] == [False, True]
    assert file_inputs({"arguments": ["--ngram_file=a.pth", "x"]}) == {
        "the file a.pth": before["the file a.pth"]
    }


def test_noise_is_heard(tmp_path):
    scp, wav = tmp_path / "noise.scp", tmp_path / "n.wav"
    scp.write_text(f"n {wav}\n")
    wav.write_bytes(b"hum")
    before = file_inputs({"noise_scp": str(scp)})
    wav.write_bytes(b"hiss")
    after = file_inputs({"noise_scp": str(scp)})
    assert [name for name in after if before[name] != after[name]] == ["the audio of noise_scp"]


def test_projection_and_teacher_are_no_mere_files(files):
    conf = {"model_conf": {"projection": str(files / "p.npz")}}
    assert file_inputs(conf) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"layer": 3}, {"dtype": "float32"}, {"random_init": True}, {"tokenizer": 5}, {"context": "repeat"},
        {"pool": "characters"}, {"precision": "bfloat16"}, {"projection": 5},
    ],
)  # fmt: skip
def test_teachers_change_with_all_that_decides_a_caches_numbers(files, change):
    meta = {"fingerprint": "a", "layer": 2, "dtype": "float16", "random_init": False}
    config = {"preprocessor_conf": {"teacher_cache": str(files / "cache")}}
    (files / "cache/meta.json").write_text(json.dumps(meta))
    before = teacher_inputs(config)
    (files / "cache/meta.json").write_text(json.dumps(meta | {"num_texts": 7}))
    assert teacher_inputs(config) == before
    usual = {"context": "none", "pool": "none", "precision": "float32", "projection": 0}
    (files / "cache/meta.json").write_text(json.dumps(meta | usual))  # what an earlier version did not write
    assert teacher_inputs(config) == before
    (files / "cache/meta.json").write_text(json.dumps(meta | change))
    assert teacher_inputs(config) != before
