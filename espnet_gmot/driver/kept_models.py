"""The models that a training keeps by its criteria: one that it will not have is refused before it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from espnet_gmot.driver.named_files import YAMLS
from espnet_gmot.driver.names import Names
from espnet_gmot.driver.options import Options
from espnet_gmot.driver.training_inputs import with_arguments
from espnet_gmot.driver.training_yaml import best_model_criteria, is_ctc_alone, load_training_yaml
from espnet_gmot.errors import InputError

BY_CRITERION = re.compile(r"(train|valid)\.(\w+)\.(best|ave|ave_\d+best)\.pth")


def require_kept_models(options: Options, stages: Sequence[int]) -> None:
    """Refuse a model by a criterion that the training which is to make it does not keep models by.

    Args:
        options: of asr.sh.
        stages: numbers of those that are still to run.

    Raises:
        InputError: names the option, the criteria that there are, and a model to name instead.
    """
    names, chosen = Names(options), set(stages)
    if 7 in chosen and chosen & {8, 12, 14} and not names.lm_file.is_file():
        config = _config(options, "lm_config")
        kept = best_model_criteria(config, has_accuracy=config.get("model") == "lm_multitask")
        _require("--inference_lm", names.lm_file, options.lm_config, kept)
    if 11 in chosen and chosen & {12, 14} and not names.asr_model.is_file():
        config = _config(options, "asr_config")
        kept = best_model_criteria(config, has_accuracy=not is_ctc_alone(config))
        _require("--inference_asr_model", names.asr_model, options.asr_config, kept)


def _config(options: Options, yaml: str) -> dict[str, Any]:
    return with_arguments(load_training_yaml(getattr(options, yaml)), options.words(YAMLS[yaml]))


def _require(option: str, model: Path, yaml: str, kept: Sequence[tuple[str, str]]) -> None:
    wanted = BY_CRITERION.fullmatch(model.name)
    if wanted is None or wanted.group(1, 2) in kept:
        return
    fault = f"{option} {model.name}: {yaml} keeps no models by {'.'.join(wanted.group(1, 2))}"
    if not kept:
        raise InputError(f"{fault}, nor by another score that its model has; correct best_model_criterion")
    raise InputError(f"{fault}, but by {', '.join(map('.'.join, kept))}; name {'.'.join(kept[-1])}.ave.pth")
