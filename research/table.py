"""The table of experiments: its rows and the teachers that they need."""

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

import typeguard
import yaml

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file
from research.kept_files import REFERENCE, SPEAKER

Decoding = Literal["ctc_greedy", "ctc_beam_lm"]
HEAD = "the head of research/experiments.yaml says what a row may hold"


@dataclass(frozen=True)
class Corpus:
    """What all rows are trained and tested on.

    Args:
        recipe: its directory, in which ``./asr.sh`` runs.
        options: of ``./asr.sh``, for the corpus.
        local_data_opts: of its ``local/data.sh``.
        yaml: training YAML of a row.
        train: the training set in ``dump/raw``.
        dev: the set on which epochs are chosen.
        sets: those that are decoded.

    In ``options``, ``local_data_opts`` and ``yaml``, ``{preset}`` stands for the protocol's preset, and in
    ``yaml`` ``{config}`` for the row's. The defaults are those of Mini Mandarin.
    """

    recipe: str = "egs2/mini_mandarin/asr1"
    options: str = "--lang zh --token_type char --train_set train --audio_format wav"
    local_data_opts: str = (
        "--preset {preset} --seed 1"  # not the demo's seed: other sentences in dev and test
    )
    yaml: str = "conf/train_{config}_{preset}.yaml"
    train: str = "train"
    dev: str = "dev"
    sets: list[str] = field(default_factory=lambda: ["dev", "test"])


@dataclass(frozen=True)
class Teacher:
    """A teacher of the experiments.

    Args:
        every: train it on every n-th line of the text.
        pretrain: options of ``local/pretrain_teacher.py``; empty for those of ``local/teacher.sh``.
        wheel: take that of ``bin.teacher_from_wheel`` with this vocabulary instead of training one.
        layer: whose vectors are taken; None for the last one's.
        random_init: draw its weights at random.
    """

    every: int = 1
    pretrain: str = ""
    wheel: str = ""
    layer: int | None = None
    random_init: bool = False


@dataclass(frozen=True)
class Row:
    """One system: how it is trained and decoded.

    Args:
        name: directory of its results.
        config: which training YAML, see ``Corpus.yaml``.
        tests: in words, what the row is for.
        teacher: name of its teacher; None without alignment.
        change: what differs from the YAML.
        decoding: how it is decoded.
        model_of: row whose model is decoded; None to train one.
        start: row whose averaged model of the same seed the training begins with; None for fresh weights.
            Rows with the same start are branches: their first epochs are the same.
        baseline: row that it is compared with first; the baseline of all is compared with none.
        against: rows that it is compared with besides.
        control_of: row whose teacher it replaces by one without knowledge.
    """

    name: str
    config: str
    tests: str
    teacher: str | None = None
    change: dict[str, Any] = field(default_factory=dict)
    decoding: Decoding = "ctc_greedy"
    model_of: str | None = None
    start: str | None = None
    baseline: str = "ctc"
    against: list[str] = field(default_factory=list)
    control_of: str | None = None


@dataclass(frozen=True)
class Table:
    """All teachers by name, all rows in the order in which they are run, and what they run on."""

    teachers: dict[str, Teacher]
    rows: list[Row]
    corpus: Corpus = Corpus()

    def select(self, names: Sequence[str]) -> list[Row]:
        """The rows of these names in the table's order; all of them without names.

        Raises:
            InputError: no row has a name.
        """
        known = [row.name for row in self.rows]
        for name in names:
            if name not in known:
                raise InputError(f"--rows: no row is called {name}; choose from {', '.join(known)}")
        return [row for row in self.rows if not names or row.name in names]

    def row(self, name: str) -> Row:
        """The row of this name."""
        return next(row for row in self.rows if row.name == name)

    def trained(self, row: Row) -> Row:
        """The row whose model a row decodes, most often itself."""
        return self.row(row.model_of) if row.model_of else row

    def with_starts(self, rows: Sequence[Row]) -> list[Row]:
        """These rows and those that they begin with, in the table's order."""
        names = {row.name for row in rows} | {self.trained(row).start for row in rows}
        return [row for row in self.rows if row.name in names]


def table_of(directory: Path, preset: str) -> Path:
    """Give ``experiments_PRESET.yaml`` of a directory, or if a preset has none ``experiments.yaml``."""
    own = directory / f"experiments_{preset}.yaml"
    return own if own.is_file() else directory / "experiments.yaml"


def read_experiment_table(path: str | Path) -> Table:
    """Read a table of experiments, as :func:`table_of` names it.

    Raises:
        InputError: it is missing or no YAML; a row has an unknown key or a wrong value, a name comes twice,
            or a row names a teacher or row that is not there.
    """
    text = require_file(path, "run in the root of the repository, or name the results of a recipe").read_text(
        encoding="utf-8"
    )
    try:
        content = yaml.safe_load(text)
        teachers = {name: _make(path, Teacher, keys) for name, keys in content["teachers"].items()}
        rows = [_make(file, Row, keys) for file, keys in _with_shared_rows(path, content["rows"])]
        corpus = _make(path, Corpus, content.get("corpus", {}))
    except (yaml.YAMLError, KeyError, AttributeError) as error:
        raise InputError(f"{path} is no table of experiments ({error!r}); {HEAD}") from error
    _check_names(path, teachers, rows)
    return Table(teachers, rows, corpus)


def _with_shared_rows(path: str | Path, rows: list[Any]) -> Iterator[tuple[str | Path, Any]]:
    """Put the rows of a file beside the table in the place of its name; give each with its file."""
    for row in rows:
        if not isinstance(row, str):
            yield path, row
            continue
        file = require_file(Path(path).with_name(row), f"{path} names it among its rows")
        shared = yaml.safe_load(file.read_text(encoding="utf-8"))
        if not isinstance(shared, list) or not all(isinstance(keys, dict) for keys in shared):
            raise InputError(f"{file} is no list of rows; {HEAD}")
        yield from ((file, keys) for keys in shared)


Made = TypeVar("Made", Corpus, Teacher, Row)


def _make(path: str | Path, kind: type[Made], keys: dict[str, Any]) -> Made:
    name = keys.get("name", kind.__name__.lower())
    try:
        made = kind(**keys)
        for option in fields(made):
            typeguard.check_type(getattr(made, option.name), option.type)
    except (TypeError, typeguard.TypeCheckError) as error:
        raise InputError(f"{path}: {name}: {error}; {HEAD}") from error
    return made


def _check_names(path: str | Path, teachers: dict[str, Teacher], rows: list[Row]) -> None:
    names = Counter(row.name for row in rows)
    fresh = [row.name for row in rows if row.start is None and row.model_of is None]
    for row in rows:
        if names[row.name] > 1:
            raise InputError(f"{path}: two rows are called {row.name}; rename one")
        if row.name in (REFERENCE, SPEAKER):
            raise InputError(f"{path}: {row.name} stands for no run in the results; rename the row")
        if row.start is not None and row.start not in fresh:
            raise InputError(
                f"{path}: {row.name}: start {row.start} is no row trained from fresh weights; name one"
            )
        named: list[tuple[str, str | None, Container[str]]]
        named = [("teacher", row.teacher, teachers), ("model_of", row.model_of, names)]
        named += [("baseline", row.baseline, names), ("control_of", row.control_of, names)]
        named += [("against", name, names) for name in row.against]
        for key, wanted, known in named:
            if wanted is not None and wanted not in known:
                raise InputError(f"{path}: {row.name}: {key} {wanted} is not in the table; name one that is")
