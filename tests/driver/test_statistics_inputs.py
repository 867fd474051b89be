"""What decides the statistics: every key of ESPnet but those named; systems of a comparison share them."""

from inspect import signature
from pathlib import Path

import pytest
import yaml

from espnet_gmot.driver.freshness import Record
from espnet_gmot.driver.statistics_inputs import OF_THE_TEACHER, WITHOUT_EFFECT, statistics_inputs
from espnet_gmot.preprocessor import GMOTPreprocessor

CONF = Path(__file__).parents[2] / "conf"
# Options of ESPnet's trainings on which statistics depend; a new one counts until somebody weighs it.
WITH_EFFECT = {
    "allow_multi_rates", "allow_variable_data_keys", "batch_size", "bpemodel", "cleaner", "collect_stats",
    "dry_run", "frontend", "frontend_conf", "g2p", "init", "input_size", "model_conf",
    "multi_task_dataset",
    "non_linguistic_symbols", "preprocessor", "preprocessor_conf", "required", "seed",
    "speech_volume_normalize", "token_list", "token_type", "train_data_path_and_name_and_type", "train_dtype",
    "train_shape_file", "use_lang_prompt", "use_nlp_prompt", "use_preprocessor", "use_tf32",
    "valid_batch_size", "valid_data_path_and_name_and_type", "valid_shape_file", "write_collected_feats",
}  # fmt: skip


def same(one, other, directory):
    """Whether records of both configurations are alike."""
    records = [Record(directory, **statistics_inputs(config, 0.0)) for config in (one, other)]
    return records[0].inputs == records[1].inputs


def test_front_end_changes_with_the_features_alone(tmp_path):
    config = {"frontend_conf": {"n_mels": 40, "n_fft": 512}, "seed": 0}
    for other, alike in (
        ({"frontend_conf": {"n_fft": 512, "n_mels": 40}, "seed": 1}, True),
        ({"frontend_conf": {"n_mels": 80, "n_fft": 512}}, False),
        ({"frontend_conf": {"n_mels": 40, "n_fft": 512}, "frontend": "s3prl"}, False),
    ):
        assert same(config, other, tmp_path) == alike


@pytest.mark.parametrize(
    "change",
    [
        {"speech_volume_normalize": 0.02},
        {"preprocessor": "multi"},
        {"preprocessor_conf": {"force_single_channel": True}},
        {"batch_size": 3},  # short utterances are padded to long ones before the transform
        {"use_lang_prompt": True},
        {"model_conf": {"extract_feats_in_collect_stats": False}},
        {"an_option_of_tomorrow": 1},
    ],
)
def test_what_changes_the_features_counts_in_any_block(tmp_path, change):
    assert not same({"optim": "adam"}, {"optim": "adam"} | change, tmp_path)


def test_the_seed_counts_where_it_draws_a_front_ends_weights(tmp_path):
    beamformer = {"frontend_conf": {"frontend_conf": {"use_beamformer": True}}}
    for config, alike in (
        ({}, True),
        ({"frontend": "default"}, True),
        ({"frontend": "fused"}, False),
        (beamformer, False),
    ):
        assert same(config | {"seed": 1}, config | {"seed": 2}, tmp_path) == alike


def test_baseline_and_method_share_statistics(tmp_path):
    method = {"model": "gmot", "model_conf": {"alpha": 1}, "preprocessor": "gmot"}
    method |= {"preprocessor_conf": {"teacher_cache": "exp/teacher/cache"}}
    assert same({"model_conf": {"ctc_weight": 1.0}}, method, tmp_path)


@pytest.mark.parametrize(
    "pattern",
    [
        "aishell/train_asr_*",
        *(f"mini_mandarin/train_[cg]*_{s}" for s in ("demo", "full", "small", "tiny")),
        *(f"speechocean762/train_*_{s}" for s in ("cpu", "gpu")),
    ],
)
def test_systems_of_a_comparison_share_their_statistics(tmp_path, pattern):
    first, *others = [yaml.safe_load(path.read_text()) for path in CONF.glob(f"{pattern}.yaml")]
    assert others
    for other in others:
        assert same(first, other, tmp_path)


def test_every_option_of_espnet_is_weighed():
    from espnet2.tasks.asr import ASRTask
    from espnet2.tasks.lm import LMTask

    known = set()
    for task in (ASRTask, LMTask):
        known |= {action.dest for action in task.get_parser()._actions} - {"help"}
    assert known - WITHOUT_EFFECT - WITH_EFFECT == set()
    assert not WITHOUT_EFFECT & WITH_EFFECT


def test_what_is_left_out_of_the_preprocessors_options_is_the_teachers():
    own = set(signature(GMOTPreprocessor.__init__).parameters) - {"self", "train", "kwargs"}
    assert own == set(OF_THE_TEACHER)
