"""What the plan of a recipe must know of a training YAML."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet2.utils.types import str2triple_str

from espnet_gmot.errors import InputError
from espnet_gmot.yaml_mapping import read_mapping

# Two systems are comparable if they see the same data equally often and are optimised alike.
BUDGET = (
    "max_epoch",
    "patience",
    "num_iters_per_epoch",
    "batch_type",
    "batch_bins",
    "batch_size",
    "accum_grad",
    "grad_clip",
    "use_amp",
    "init",
    "optim",
    "optim_conf",
    "scheduler",
    "scheduler_conf",
)
CTC_CHECKPOINT = "valid.cer_ctc.ave.pth"  # what our CTC systems are decoded with
# ESPnet's own defaults, for keys that a YAML leaves out
CTC_WEIGHT = 0.5
BEST_MODEL_CRITERION = ("train,loss,min", "valid,loss,min", "train,acc,max", "valid,acc,max")


@dataclass(frozen=True)
class TrainingYaml:
    """What decides how a system is prepared and decoded.

    Args:
        kind: ``ctc`` (no decoder) or ``hybrid``.
        inference_asr_model: checkpoint to decode with, e.g. ``valid.cer_ctc.ave.pth``.
        teacher_cache: directory of the teacher's embeddings, empty where the system has none.
        projection: file of the projection fitted to them, empty where the system has none or a random one.
    """

    kind: str
    inference_asr_model: str
    teacher_cache: str
    projection: str


def load_training_yaml(path: str | Path) -> dict[str, Any]:
    """Read a training YAML.

    Raises:
        InputError: the file is missing or no YAML mapping.
    """
    return read_mapping(path, "name a training YAML in conf/")


def read_training_yaml(path: str | Path) -> TrainingYaml:
    """Read what a recipe must know of a training YAML.

    Raises:
        InputError: the file is missing or no YAML mapping.
    """
    config = load_training_yaml(path)
    model = config.get("model_conf") or {}
    kind = "ctc" if is_ctc_alone(config) else "hybrid"
    projection = model.get("projection") or ""
    return TrainingYaml(
        kind,
        f"valid.{_best_score(config, 'cer_ctc' if kind == 'ctc' else 'acc')}.ave.pth",
        (config.get("preprocessor_conf") or {}).get("teacher_cache") or "",
        "" if projection == "random" else projection,
    )


def is_ctc_alone(config: dict[str, Any]) -> bool:
    """Tell whether a training YAML asks for a recogniser without a decoder.

    Example:
        >>> is_ctc_alone({"model_conf": {"ctc_weight": 1.0}}), is_ctc_alone({})
        (True, False)
    """
    return (config.get("model_conf") or {}).get("ctc_weight", CTC_WEIGHT) == 1.0


def require_equal_budgets(paths: Sequence[str | Path]) -> None:
    """Refuse training YAMLs that differ in epochs, batches or optimiser.

    Raises:
        InputError: names the file, the key and both values.
    """
    first, *others = [(path, load_training_yaml(path)) for path in paths]
    for path, config in others:
        for key in BUDGET:
            if config.get(key) != first[1].get(key):
                raise InputError(
                    f"{path} has {key}: {config.get(key)}, but {first[0]} has {first[1].get(key)}; a "
                    "comparison wants equal budgets: change one of them or compare it in a run of its own"
                )


def best_model_criteria(config: dict[str, Any], has_accuracy: bool) -> list[tuple[str, str]]:
    """Give phase and score of each criterion by which a training keeps its best models.

    Args:
        config: the training YAML; criteria may also be texts, as on ESPnet's command line, and one alone.
        has_accuracy: whether the model has a score ``acc``; ESPnet passes over criteria without score.

    Raises:
        InputError: a criterion is no phase, score and direction.

    Example:
        >>> best_model_criteria({"best_model_criterion": "(valid,cer_ctc,min)"}, has_accuracy=False)
        [('valid', 'cer_ctc')]
    """
    criteria = config.get("best_model_criterion") or BEST_MODEL_CRITERION
    try:
        is_one = isinstance(criteria, str) or all("," not in str(part) for part in criteria)
        triples = [str2triple_str(str(criterion)) for criterion in ([criteria] if is_one else criteria)]
    except (TypeError, ValueError) as error:
        raise InputError(
            f"best_model_criterion is {criteria}; give a list of criteria such as [valid, cer_ctc, min]"
        ) from error
    return [(phase, score) for phase, score, _ in triples if score != "acc" or has_accuracy]


def _best_score(config: dict[str, Any], wanted: str) -> str:
    criteria = best_model_criteria(config, has_accuracy=not is_ctc_alone(config))
    scores = [score for phase, score in criteria if phase == "valid"]
    return wanted if wanted in scores or not scores else scores[0]
