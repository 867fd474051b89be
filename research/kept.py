"""The small text files that are kept of a finished experiment, enough for every table and figure.

RESULTS/reference/SET.txt        transcripts of a decoded set (Kaldi text), the same for all runs
RESULTS/ROW/seedN/config.yaml    the whole training YAML
RESULTS/ROW/seedN/epochs.tsv     statistics of each epoch
RESULTS/ROW/seedN/SET.txt        hypotheses of a decoded set (Kaldi text)
RESULTS/ROW/seedN/coupling.json  coupling against the true character times (rows with alignment)
RESULTS/ROW/seedN/context.json   how much of the teacher's context the encoder knows
RESULTS/ROW/seedN/run.json       error counts, times, versions, teacher; written last
"""

import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file, write_aside
from espnet_gmot.score.decoding import facts_of_decoding
from espnet_gmot.score.model_size import inference_parameters
from espnet_gmot.score.result_files import SCORE_CURE, read_result
from espnet_gmot.score.training_time import training_seconds
from research.epoch_table import epoch_statistics, format_epochs, parse_epochs

RUN_AGAIN = "run ./run_experiments.sh again"
MEASURED = ("coupling.json", "context.json")


@dataclass(frozen=True)
class KeptRun:
    """One finished run.

    Args:
        row: name of the row.
        seed: of the training.
        record: what ``run.json`` holds.
        config: the training YAML.
        epochs: statistics of each epoch.
        hypotheses: set → utterance → recognised text.
        coupling: what ``coupling.json`` holds, None without it.
        context: what ``context.json`` holds, None without it.
    """

    row: str
    seed: int
    record: dict[str, Any]
    config: dict[str, Any]
    epochs: dict[int, dict[str, float]]
    hypotheses: dict[str, dict[str, str]]
    coupling: dict[str, float] | None
    context: dict[str, float] | None


def keep_run(
    results: Path, row: str, seed: int, config: Path, experiment: Path, decode: str, sets: Sequence[str]
) -> Path:
    """Keep a trained, decoded and scored run, and what was measured of it.

    Args:
        results: directory of the protocol, e.g. ``results/small``.
        row: name of the row.
        seed: of the training.
        config: its training YAML.
        experiment: directory of the model.
        decode: name of the decoding directory in it.
        sets: names of the decoded sets; their transcripts are in ``dump/raw/SET/text``.

    Returns:
        the directory of the run.

    Raises:
        InputError: a file is missing, or another run was scored against other transcripts.
    """
    out = results / row / f"seed{seed}"
    record = {"row": row, "seed": seed, "sets": {}}
    for name in sets:
        decoded = experiment / decode / name
        record["sets"][name] = _scored(experiment, decode, name)
        _keep_reference(results, name, Path("dump/raw") / name / "text")
        _copy(decoded / "text", out / f"{name}.txt", SCORE_CURE)
    record |= {"seconds_train": training_seconds(experiment), "teacher": _teacher(config)} | _environment()
    _copy(config, out / "config.yaml", RUN_AGAIN)
    _write(out / "epochs.tsv", format_epochs(epoch_statistics(experiment)))
    for name in MEASURED:
        if (experiment / name).is_file():
            _copy(experiment / name, out / name, RUN_AGAIN)
    _write(out / "run.json", json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    return out


def read_runs(results: Path) -> list[KeptRun]:
    """Read all finished runs of a protocol, by row and seed.

    Raises:
        InputError: there is none, or a file of one is missing.
    """
    runs = [_read_run(path.parent) for path in sorted(results.glob("*/seed*/run.json"))]
    if not runs:
        raise InputError(f"{results} holds no finished run (ROW/seedN/run.json); {RUN_AGAIN}")
    return runs


def read_reference(results: Path, dataset: str) -> dict[str, str]:
    """Read the transcripts of a decoded set."""
    return read_table(results / "reference" / f"{dataset}.txt", RUN_AGAIN)


def _scored(experiment: Path, decode: str, dataset: str) -> dict[str, Any]:
    counts = read_result(experiment / decode / dataset / "score_cer" / "result.json").total
    facts = facts_of_decoding(experiment, decode, dataset)
    return asdict(counts) | {
        "cer": counts.err_rate,
        "rtf": facts and facts.rtf,
        "parameters": facts and inference_parameters(experiment, facts.ctc_alone),
    }


def _keep_reference(results: Path, dataset: str, text: Path) -> None:
    kept = results / "reference" / f"{dataset}.txt"
    if not kept.exists():
        _copy(text, kept, "run stages 1 to 4")
    elif kept.read_bytes() != text.read_bytes():
        raise InputError(
            f"{text} is not the {kept} of the runs kept before; keep the runs of one corpus apart"
        )


def _teacher(config: Path) -> dict[str, Any] | None:
    """What the cache's ``meta.json`` and the teacher's ``metrics.json`` say of it."""
    conf = yaml.safe_load(require_file(config, RUN_AGAIN).read_bytes()).get("preprocessor_conf") or {}
    if "teacher_cache" not in conf:
        return None
    meta = Path(conf["teacher_cache"]) / "meta.json"
    teacher = json.loads(require_file(meta, "make the cache again").read_text(encoding="utf-8"))
    metrics = Path(teacher["teacher"]) / "metrics.json"
    if metrics.is_file() and not teacher["random_init"]:
        teacher["masked_accuracy"] = json.loads(metrics.read_text(encoding="utf-8"))["masked_accuracy"]
    return teacher


def _environment() -> dict[str, str]:
    try:
        git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        git = ""
    versions = {f"{name}_version": version(name) for name in ("espnet", "torch")}
    return {"commit": git, "python_version": platform.python_version()} | versions


def _read_run(directory: Path) -> KeptRun:
    def text(name: str) -> str:
        return require_file(directory / name, f"remove {directory} and {RUN_AGAIN}").read_text(
            encoding="utf-8"
        )

    record = json.loads(text("run.json"))
    measured = [json.loads(text(name)) if (directory / name).is_file() else None for name in MEASURED]
    return KeptRun(
        record["row"],
        record["seed"],
        record,
        yaml.safe_load(text("config.yaml")),
        parse_epochs(text("epochs.tsv")),
        {name: read_table(directory / f"{name}.txt", RUN_AGAIN, allow_empty=True) for name in record["sets"]},
        *measured,
    )


def _copy(source: Path, target: Path, cure: str) -> None:
    _write(target, require_file(source, cure).read_text(encoding="utf-8"))


def _write(path: Path, text: str) -> None:
    with write_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")
