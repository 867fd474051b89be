"""What statistics, training and decoding are made from, by the configurations of ESPnet3."""

from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from espnet_gmot.driver.audio_key import audio_key
from espnet_gmot.driver.freshness import Record, content
from espnet_gmot.driver.statistics_inputs import OF_THE_TEACHER, statistics_inputs
from espnet_gmot.driver.training_inputs import file_inputs, teacher_inputs
from espnet_gmot.errors import InputError

# Preprocessors that make the same of audio and text
ALIKE = ("espnet2.train.preprocessor.CommonPreprocessor", "espnet_gmot.preprocessor.GMOTPreprocessor")
# Blocks of other stages, and where and how a training runs
NOT_OF_THE_TRAINING = (
    "recipe_dir", "data_dir", "exp_dir", "exp_tag", "stats_dir", "dataset_dir", "create_dataset",
    "tokenizer", "cache_teacher", "collect_stats_batch_size", "collect_stats_train_mode", "parallel",
    "stage_log_mode", "fit",
)  # fmt: skip


def statistics_record(config: DictConfig) -> Record:
    """The record of ``stats_dir`` for a training configuration; twins share it."""
    plain = _plain(config)
    return Record(
        config.stats_dir,
        **statistics_inputs(_as_espnet2(plain), 0.0),
        collect_stats_train_mode=plain["collect_stats_train_mode"],
        **_data_inputs(plain, "train", "valid"),
    )


def training_record(config: DictConfig) -> Record:
    """The record of ``exp_dir`` for a training configuration."""
    plain = _plain(config)
    others = {key: value for key, value in plain.items() if key not in NOT_OF_THE_TRAINING}
    return Record(
        config.exp_dir,
        **others,
        **teacher_inputs(_as_espnet2(plain)),
        **file_inputs(_without_the_teacher(plain)),
        statistics=content(*sorted(Path(config.stats_dir).glob("*/*_stats.npz"))),
        **_data_inputs(plain, "train", "valid"),
    )


def decoding_record(config: DictConfig) -> Record:
    """The record of ``inference_dir`` for an inference configuration."""
    plain = _plain(config)
    others = {key: value for key, value in plain.items() if key != "parallel"}
    return Record(config.inference_dir, **others, **file_inputs(plain), **_data_inputs(plain, "test"))


def _plain(config: DictConfig) -> dict[str, Any]:
    return cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))


def _preprocessor(plain: dict[str, Any]) -> dict[str, Any]:
    preprocessor = plain["dataset"].get("preprocessor") or {}
    if preprocessor and "_target_" not in preprocessor:
        raise InputError(
            "dataset.preprocessor has no _target_; give one preprocessor for train and valid: the teacher of "
            "several is not known"
        )
    return preprocessor


def _without_the_teacher(plain: dict[str, Any]) -> dict[str, Any]:
    """What else the preprocessor may name files by, such as lists of noise."""
    others = {*OF_THE_TEACHER, "token_list"}
    return {key: value for key, value in _preprocessor(plain).items() if key not in others}


def _as_espnet2(plain: dict[str, Any]) -> dict[str, Any]:
    """The keys of model and preprocessor as a YAML of ESPnet2 has them."""
    preprocessor = _preprocessor(plain)
    target = preprocessor.get("_target_")
    return {
        **plain["model"],
        "seed": plain.get("seed"),
        "preprocessor": "default" if target in ALIKE else target,
        "preprocessor_conf": {key: value for key, value in preprocessor.items() if not key.startswith("_")},
    }


def _data_inputs(plain: dict[str, Any], *parts: str) -> dict[str, Any]:
    """The tables, audio and token list of the data directories that these parts of ``dataset`` name."""
    inputs: dict[str, Any] = {}
    for part in parts:
        for number, entry in enumerate(plain["dataset"].get(part) or [], start=1):
            inputs[f"{part} set {number}"] = entry
            if not (data_dir := (entry.get("data_src_args") or {}).get("data_dir")):
                continue  # not one of Kaldi: its files are not known
            directory = Path(data_dir)
            inputs[f"{directory} text"] = content(directory / "text")
            inputs[f"{directory} wav.scp"] = content(directory / "wav.scp")
            inputs[f"the audio of {directory}"] = audio_key(directory / "wav.scp")
    if token_list := (plain["dataset"].get("preprocessor") or {}).get("token_list"):
        inputs["the token list"] = content(token_list)
    return inputs
