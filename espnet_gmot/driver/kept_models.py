"""The models that a training keeps by its criteria: one that it will not have is refused before it."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from espnet_gmot.driver.names import Names
from espnet_gmot.driver.options import Options
from espnet_gmot.driver.training_inputs import with_arguments
from espnet_gmot.driver.training_yaml import best_model_criteria, is_ctc_alone, load_training_yaml
from espnet_gmot.errors import InputError

BY_CRITERION = re.compile(r"(train|valid)\.(\w+)\.(best|ave|ave_\d+best)\.pth")


class _Training(NamedTuple):
    """A stage that trains.

    Args:
        stage: its number.
        config: its option for a training YAML.
        arguments: its option for further arguments.
        model: the option that names one of the models that it keeps.
        readers: the stages that read this model.
        has_accuracy: whether what a YAML asks for has a score ``acc``.
    """

    stage: int
    config: str
    arguments: str
    model: str
    readers: Sequence[int]
    has_accuracy: Callable[[dict[str, Any]], bool]


def _is_multitask(config: dict[str, Any]) -> bool:
    return config.get("model") == "lm_multitask"


TRAININGS = (
    _Training(7, "lm_config", "lm_args", "inference_lm", (8, 12, 14), _is_multitask),
    _Training(
        11, "asr_config", "asr_args", "inference_asr_model", (12, 14), lambda config: not is_ctc_alone(config)
    ),
)


def require_kept_models(options: Options, stages: Sequence[int]) -> None:
    """Refuse a model by a criterion that the training which is to make it does not keep models by.

    Args:
        options: of asr.sh.
        stages: numbers of those that are still to run.

    Raises:
        InputError: names the option, the criteria that there are, and a model to name instead.
    """
    names = Names(options)
    models = {7: names.lm_file, 11: names.asr_model}
    for training in TRAININGS:
        reads = any(reader in stages for reader in training.readers)
        if training.stage in stages and reads and not models[training.stage].is_file():
            _require(options, training, models[training.stage])


def _require(options: Options, training: _Training, model: Path) -> None:
    yaml = getattr(options, training.config)
    config = with_arguments(load_training_yaml(yaml), options.words(training.arguments))
    wanted = BY_CRITERION.fullmatch(model.name)
    kept = best_model_criteria(config, training.has_accuracy(config))
    if wanted is None or wanted.group(1, 2) in kept:
        return
    fault = f"--{training.model} {model.name}: {yaml} keeps no models by {'.'.join(wanted.group(1, 2))}"
    if not kept:
        raise InputError(f"{fault}, nor by another score that its model has; correct best_model_criterion")
    raise InputError(f"{fault}, but by {', '.join(map('.'.join, kept))}; name {'.'.join(kept[-1])}.ave.pth")
