"""Stages 10 and 11: statistics and training of the recogniser."""

from pathlib import Path

from espnet_gmot.data.audio import parse_rate
from espnet_gmot.driver.audio_key import audio_key
from espnet_gmot.driver.commands import Commands
from espnet_gmot.driver.ctc_check import usable_shapes
from espnet_gmot.driver.espnet_words import yaml_value
from espnet_gmot.driver.freshness import DONE, NewInput, Record, content, newest
from espnet_gmot.driver.names import Names
from espnet_gmot.driver.needs import need
from espnet_gmot.driver.options import Options
from espnet_gmot.driver.statistics_inputs import statistics_inputs
from espnet_gmot.driver.training import collect_stats, train
from espnet_gmot.driver.training_inputs import training_inputs, with_arguments
from espnet_gmot.driver.training_yaml import load_training_yaml

MODULE = "espnet2.bin.asr_train"
FOLD_LENGTHS = ("asr_speech_fold_length", "asr_text_fold_length")


def asr_stats(options: Options, commands: Commands) -> None:
    """Stage 10: lengths of all data, mean and variance of the features."""
    names, arguments = Names(options), options.words("asr_args")
    keys = (need(names.train / "wav.scp", 4), need(names.valid / "wav.scp", 4))
    need(names.token_list, 5)
    tables = {
        f"{part} {table}": data / table
        for part, data in (("train", names.train), ("valid", names.valid))
        for table in ("wav.scp", "text", "utt2num_samples")
    }
    config = with_arguments(load_training_yaml(options.asr_config), arguments)
    record = Record(
        names.asr_stats_dir,
        **statistics_inputs(config, newest(options.asr_config)),
        **{"--fs": options.fs},
        **names.token_inputs,
        **{name: content(path) for name, path in tables.items()},
        **_audio(names),
    )
    if record.is_still_done(*tables.values(), names.token_list):
        return
    record.begin()
    collect_stats(
        options, commands, MODULE, names.asr_stats_dir, keys, names.token_list,
        [
            "--config", options.asr_config, "--frontend_conf", f"fs={options.fs}",
            *names.text_options, *names.data_options, *arguments,
        ],
    )  # fmt: skip
    record.finish()


def asr_train(options: Options, commands: Commands) -> None:
    """Stage 11: training."""
    names, own = Names(options), options.words("asr_args")
    config = with_arguments(load_training_yaml(options.asr_config), own)
    texts = {"train": need(names.train / "text", 4), "valid": need(names.valid / "text", 4)}
    shape_names = ("speech_shape", f"text_shape.{options.token_type}")
    need(names.asr_stats_dir / "train" / shape_names[1], 10)
    arguments = [
        "--config", options.asr_config, "--frontend_conf", f"fs={options.fs}", *names.text_options, *own
    ]  # fmt: skip
    all_shapes = {part: [names.asr_stats_dir / part / shape for shape in shape_names] for part in texts}
    usable = usable_shapes(
        names.asr_exp / "ctc_check", _ctc_impossible(options, names, all_shapes), arguments,
        config | {"--fs": options.fs} | names.text_inputs | {"token list": content(names.token_list)},
        all_shapes, texts,
    )  # fmt: skip
    shapes = [path for part in usable.values() for path in part]
    statistics, normalize = [], []
    if options.feats_normalize == "global_mvn":
        statistics = [names.feats_stats]
        normalize = [
            "--normalize=global_mvn",
            "--normalize_conf",
            f"stats_file={yaml_value(names.feats_stats)}",
        ]
    record = Record(
        names.asr_exp,
        **training_inputs(config),
        **{"--asr_args": options.asr_args, "--feats_normalize": options.feats_normalize},
        **{f"--{name}": NewInput(getattr(options, name)) for name in FOLD_LENGTHS},
        **{"--fs": NewInput(parse_rate(options.fs))},
        **names.token_inputs,
        **_contents(*statistics, *shapes),
        **{f"{part} text": content(text) for part, text in texts.items()},
        **_audio(names),
    )
    shape_options = [word for path in shapes for word in (f"--{path.parent.name}_shape_file", path)]
    train(
        options, commands, MODULE, record, names.token_list,
        [
            "--config", options.asr_config, "--frontend_conf", f"fs={options.fs}", *normalize,
            *names.text_options, *names.data_options, *shape_options,
            "--fold_length", options.asr_speech_fold_length * 100,
            "--fold_length", options.asr_text_fold_length, *own,
        ],
    )  # fmt: skip


def _ctc_impossible(options: Options, names: Names, shapes: dict[str, list[Path]]) -> str:
    """A training that was begun with all utterances, by an earlier version say, is not another one now."""
    begun = any((names.asr_exp / name).exists() for name in (DONE, "checkpoint.pth"))
    inputs = _contents(*shapes["train"], *shapes["valid"])
    if options.ctc_impossible == "auto" and begun and Record(names.asr_exp, **inputs).continues(*inputs):
        return "keep"
    return options.ctc_impossible


def _contents(*paths: Path) -> dict[str, str]:
    return {f"{path.parent.name} {path.name}": content(path) for path in paths}


def _audio(names: Names) -> dict[str, NewInput]:
    return {
        f"the {part} audio": audio_key(data / "wav.scp")
        for part, data in (("train", names.train), ("valid", names.valid))
    }
