"""The models that a training keeps by its criteria: one that it will not have is refused before it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from espnet_gmot.driver.names import Names
from espnet_gmot.driver.options import Options
from espnet_gmot.driver.training_inputs import with_arguments
from espnet_gmot.driver.training_yaml import best_model_criteria, load_training_yaml
from espnet_gmot.errors import InputError

BY_CRITERION = re.compile(r"(train|valid)\.(\w+)\.(best|ave|ave_\d+best)\.pth")


class _Training(NamedTuple):
    """A stage that trains, its options, the option that names a model of it and the stages that read that."""

    stage: int
    config: str
    arguments: str
    model: str
    readers: Sequence[int]


TRAININGS = (
    _Training(7, "lm_config", "lm_args", "inference_lm", (8, 12, 14)),
    _Training(11, "asr_config", "asr_args", "inference_asr_model", (12, 14)),
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
    wanted, kept = BY_CRITERION.fullmatch(model.name), best_model_criteria(config)
    if wanted is None or wanted.group(1, 2) in kept:
        return
    raise InputError(
        f"--{training.model} {model.name}: {yaml} keeps its best models by "
        f"{', '.join(map('.'.join, kept))}, not by {'.'.join(wanted.group(1, 2))}; "
        f"name {'.'.join(kept[-1])}.ave.pth"
    )
