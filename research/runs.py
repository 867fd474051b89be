"""The runs that a table of experiments asks for, each with its whole training YAML."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from espnet_gmot.driver.training_yaml import merge
from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file, write_aside
from research.table import Row, Table

FINISHED = "run.json"  # the file that stands last in a finished run's results
PROBED_WITH = "base"  # research/run_experiment.sh names its cache


@dataclass(frozen=True)
class Run:
    """One row with one seed.

    Args:
        row: the row.
        seed: of initialisation and data order.
        config: its training YAML, written for it.
        expdir: directory for its model and decoding; the name changes with the YAML, so that a
            training is never continued under other options.
    """

    row: Row
    seed: int
    config: Path
    expdir: Path


def plan_runs(
    table: Table, rows: Sequence[Row], seeds: Sequence[int], preset: str, results: Path
) -> list[Run]:
    """Write the training YAML of each run and list the runs without results, row by row.

    Works in the current directory, with ``conf/`` and the teachers in ``exp/teacher_NAME``.

    Args:
        table: all rows.
        rows: those to run.
        seeds: the seeds of each.
        preset: sizes of corpus and models.
        results: where finished runs are kept, as ``ROW/seedN``.

    Raises:
        InputError: a YAML or a teacher is missing, or results were made with another YAML.
    """
    by_name = {row.name: row for row in table.rows}
    runs, stale = [], []
    for row in rows:
        trained = by_name[row.model_of] if row.model_of else row
        for seed in seeds:
            text = yaml.safe_dump(_config(trained, seed, preset), sort_keys=False, allow_unicode=True)
            kept = results / row.name / f"seed{seed}"
            if not (kept / FINISHED).is_file():
                runs.append(_write(row, trained.name, seed, text))
            elif (kept / "config.yaml").read_text(encoding="utf-8") != text:
                stale.append(str(kept))
    if stale:
        raise InputError(
            f"{', '.join(stale)}: made with another training YAML than the table asks for now; move them "
            "elsewhere to run them again, or give the rows other names"
        )
    return runs


def _write(row: Row, trained: str, seed: int, text: str) -> Run:
    name = f"{trained}_seed{seed}_{hashlib.sha1(text.encode()).hexdigest()[:8]}"
    config = Path("exp/configs") / f"{name}.yaml"
    with write_aside(config) as aside:
        aside.write_text(text, encoding="utf-8")
    return Run(row, seed, config, Path("exp/runs") / name)


def _config(row: Row, seed: int, preset: str) -> dict[str, Any]:
    path = Path(f"conf/train_{row.config}_{preset}.yaml")
    text = require_file(path, f"row {row.name} and preset {preset} name it").read_text(encoding="utf-8")
    config = merge(yaml.safe_load(text), row.change) | {"seed": seed}
    if row.teacher is None:
        return config
    teacher, model = Path("exp") / f"teacher_{row.teacher}", config["model_conf"]
    config["preprocessor_conf"]["teacher_cache"] = str(teacher / "cache")
    if model.get("projected_side") == "acoustic":  # the adapter wants the teacher's size, and no projection
        meta = require_file(teacher / "cache" / "meta.json", "make the teacher with ./run_experiments.sh")
        model.pop("projection")
        model["teacher_size"] = json.loads(meta.read_text(encoding="utf-8"))["hidden_size"]
    else:
        model["projection"] = str(teacher / "projection.npz")
    return config


def teachers_of(table: Table, rows: Sequence[Row]) -> Iterator[str]:
    """Give a line a teacher that the rows need: ``NAME EVERY RANDOM_INIT PRETRAIN_OPTIONS``.

    ``base`` is among them always: every encoder is probed with its embeddings.
    """
    wanted = {PROBED_WITH} | {row.teacher for row in rows}
    for name, teacher in table.teachers.items():
        if name in wanted:
            yield f"{name} {teacher.every} {str(teacher.random_init).lower()} {teacher.pretrain}".rstrip()
