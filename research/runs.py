"""The runs that a table of experiments asks for, each with its whole training YAML and its directory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from espnet_gmot.driver.freshness import Record
from espnet_gmot.driver.training_yaml import CTC_CHECKPOINT, load_training_yaml
from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file, write_text
from espnet_gmot.teacher.cache import read_meta
from research.kept_files import finished_configs
from research.table import Corpus, Row, Table, Teacher

PROBED_WITH = "base"  # the teacher whose context all encoders are probed for


@dataclass(frozen=True)
class Run:
    """One row with one seed.

    Args:
        row: the row.
        seed: of initialisation and data order.
        training: its training YAML.
        expdir: directory for its model and decoding; rows that decode the same model share it.
    """

    row: Row
    seed: int
    training: dict[str, Any]
    expdir: Path

    @property
    def name(self) -> str:
        """What the run is called in messages."""
        return f"{self.row.name} seed {self.seed}"

    @property
    def config(self) -> Path:
        """The file of its training YAML."""
        return self.expdir / "train.yaml"

    @property
    def checkpoint(self) -> Path:
        """The averaged model, with which it decodes and others begin."""
        return _checkpoint_of(self.expdir)

    @property
    def model(self) -> Path:
        """The directory of its model."""
        return self.checkpoint.parent

    @property
    def record(self) -> Record:
        """What the directory is made from."""
        return Record(self.expdir, **self.training)


def plan_runs(
    table: Table, rows: Sequence[Row], seeds: Sequence[int], preset: str, results: Path
) -> list[Run]:
    """List the runs without results, row by row, and write the training YAML of each.

    Works in the current directory, with ``conf/`` and the teachers in ``exp/teacher_NAME``.

    Args:
        table: all rows.
        rows: those to run.
        seeds: the seeds of each.
        preset: sizes of corpus and models.
        results: directory of the protocol, where finished runs are kept.

    Raises:
        InputError: a YAML or a teacher is missing, or a run was finished or begun with another YAML.
    """
    finished = finished_configs(results)
    runs, faults = [], []
    for row in rows:
        for seed in seeds:
            run = _run(table, row, seed, preset)
            former = finished.get((row.name, seed))
            if former is None:
                runs.append(run)
                faults += _begun_otherwise(run)
            elif former != run.training:
                faults.append(
                    f"{results}: {run.name} was made with another training YAML than the table asks for now "
                    "(move the results elsewhere to run it again, or give the row another name)"
                )
    if faults:
        raise InputError("; ".join(dict.fromkeys(faults)))
    _write_yamls(runs)
    return runs


def missing_starts(table: Table, runs: Sequence[Run], preset: str) -> list[Run]:
    """List the trainings with whose models runs begin, and whose models are not here.

    Kept results hold no models: on another machine a start is trained again.

    Args:
        table: all rows.
        runs: those to run.
        preset: sizes of corpus and models.

    Raises:
        InputError: as :func:`plan_runs`.
    """
    wanted = dict.fromkeys((table.trained(run.row).start, run.seed) for run in runs)
    starts = [_run(table, table.row(name), seed, preset) for name, seed in wanted if name]
    missing = [start for start in starts if not start.checkpoint.is_file()]
    _write_yamls(missing)
    return missing


def _run(table: Table, row: Row, seed: int, preset: str) -> Run:
    trained = table.trained(row)
    training = training_of(trained, seed, yaml_of(table.corpus, trained.config, preset))
    return Run(row, seed, training, _expdir(trained.name, seed))


def _expdir(row: str, seed: int) -> Path:
    return Path("exp/runs") / f"{row}_seed{seed}"


def _checkpoint_of(expdir: Path) -> Path:
    return expdir / "asr" / CTC_CHECKPOINT


def _write_yamls(runs: Sequence[Run]) -> None:
    for run in runs:
        write_text(run.config, yaml.safe_dump(run.training, sort_keys=False, allow_unicode=True))


def _begun_otherwise(run: Run) -> list[str]:
    changes = run.record.changes()
    if not changes:
        return []
    return [
        f"{run.expdir} was begun with another training YAML than the table asks for now (what differs: "
        f"{', '.join(changes)}); remove it to train anew, or change the row back to go on"
    ]


def yaml_of(corpus: Corpus, config: str, preset: str) -> Path:
    """Name a training YAML of the recipe."""
    return Path(corpus.yaml.format(config=config, preset=preset))


def training_of(row: Row, seed: int, path: Path) -> dict[str, Any]:
    """Give a row's whole training YAML: the recipe's, the row's changes, its teacher and the seed.

    Raises:
        InputError: the recipe's YAML is missing, or the cache of a teacher whose size is needed.
    """
    require_file(path, f"row {row.name} and the table's corpus name it")
    config = merge(load_training_yaml(path), row.change) | {"seed": seed}
    if row.start is not None:
        config["init_param"] = [str(_checkpoint_of(_expdir(row.start, seed)))]
    if row.teacher is None:
        return config
    teacher, model = Path("exp") / f"teacher_{row.teacher}", config["model_conf"]
    config["preprocessor_conf"]["teacher_cache"] = str(teacher / "cache")
    if model.get("projected_side") == "acoustic":  # the adapter wants the teacher's size, and no projection
        cure = "make the teacher with `python3 -m research.bin.run_experiments`"
        meta = read_meta(require_file(teacher / "cache" / "meta.json", cure))
        model.pop("projection")
        model["teacher_size"] = meta.hidden_size
    else:
        model["projection"] = str(teacher / "projection.npz")
    return config


def merge(config: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return ``config`` with the keys of ``change``, mapping by mapping.

    Example:
        >>> merge({"model_conf": {"alpha": 0.5, "a": 1}}, {"model_conf": {"alpha": 1.0}, "max_epoch": 2})
        {'model_conf': {'alpha': 1.0, 'a': 1}, 'max_epoch': 2}
    """
    inner = {
        key: merge(config.get(key) or {}, value) for key, value in change.items() if isinstance(value, dict)
    }
    return config | change | inner


def teachers_of(table: Table, rows: Sequence[Row]) -> Iterator[tuple[str, Teacher]]:
    """Give the teachers that the rows need; ``base``, with which all encoders are probed, is always one."""
    wanted = {PROBED_WITH} | {row.teacher for row in rows}
    return ((name, teacher) for name, teacher in table.teachers.items() if name in wanted)
