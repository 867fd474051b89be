"""Keep what a finished experiment leaves: enough for every table and figure, without its model."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.driver.training_yaml import load_training_yaml
from espnet_gmot.files import require_file
from espnet_gmot.score.decoded_sets import decoded_set
from espnet_gmot.score.decoding import facts_of_decoding
from espnet_gmot.score.model_size import inference_parameters
from espnet_gmot.score.result_files import SCORE_CURE, read_result
from espnet_gmot.score.results_page import git
from espnet_gmot.score.training_time import training_seconds
from espnet_gmot.teacher.cache import read_meta
from research.epochs import epoch_statistics
from research.kept_files import CONTEXT, COUPLING, KeptRun, add_run


def keep_run(
    results: Path, row: str, seed: int, config: Path, experiment: Path, decode: str, sets: Sequence[str]
) -> None:
    """Keep a trained, decoded and scored run, and what was measured of it.

    Args:
        results: directory of the protocol, e.g. ``results/small``.
        row: name of the row.
        seed: of the training.
        config: its training YAML.
        experiment: directory of the model.
        decode: name of the decoding directory in it.
        sets: names of the decoded sets; their transcripts are in ``dump/raw/SET/text``.

    Raises:
        InputError: a file is missing, or another run was scored against other transcripts.
    """
    training = load_training_yaml(config)
    record: dict[str, Any] = {"sets": {name: _scored(experiment, decode, name) for name in sets}}
    record |= {"seconds_train": training_seconds(experiment), "teacher": _teacher(training)} | _environment()
    hypotheses = {
        name: read_table(decoded_set(experiment, decode, name) / "text", SCORE_CURE, allow_empty=True)
        for name in sets
    }
    measures = (_measured(experiment / name) for name in (COUPLING, CONTEXT))
    run = KeptRun(row, seed, record, training, epoch_statistics(experiment), hypotheses, *measures)
    references, speakers = (
        {name: read_table(Path("dump/raw") / name / table, "run stages 1 to 4") for name in sets}
        for table in ("text", "utt2spk")
    )
    add_run(results, run, references, speakers)


def _scored(experiment: Path, decode: str, dataset: str) -> dict[str, Any]:
    scored = decoded_set(experiment, decode, dataset)
    counts = read_result(scored / "score_cer" / "result.json").total
    words = scored / "score_wer" / "result.json"
    facts = facts_of_decoding(experiment, decode, dataset)
    return asdict(counts) | {
        "cer": counts.err_rate,
        "rtf": facts and facts.rtf,
        "parameters": facts and inference_parameters(experiment, facts.ctc_alone),
        **({"wer": read_result(words).total.err_rate} if words.is_file() else {}),
    }


def _teacher(training: dict[str, Any]) -> dict[str, Any] | None:
    """What the cache and the teacher's ``metrics.json`` say of it."""
    conf = training.get("preprocessor_conf") or {}
    if "teacher_cache" not in conf:
        return None
    meta = read_meta(require_file(Path(conf["teacher_cache"]) / "meta.json", "make the cache again"))
    told = asdict(meta).items()
    teacher = {key: value for key, value in told if value is not None and key not in ("format", "num_shards")}
    metrics = Path(meta.teacher) / "metrics.json"
    if metrics.is_file() and not meta.random_init:
        teacher["masked_accuracy"] = json.loads(metrics.read_text(encoding="utf-8"))["masked_accuracy"]
    return teacher


def _environment() -> dict[str, str]:
    versions = {f"{name}_version": version(name) for name in ("espnet", "torch")}
    commit = git(Path(), "rev-parse", "HEAD")
    return {"commit": commit, "python_version": platform.python_version()} | versions


def _measured(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
