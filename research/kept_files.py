"""The files that hold a protocol's finished runs: few, sorted, each written whole.

RESULTS/runs.yaml            what is known of each run: error counts, times, versions, teacher, measures, and
                             its training YAML as the blocks that differ from those of ``base``;
                             ``rows_of`` names rows that another protocol beside it has in common
RESULTS/epochs.tsv           statistics of each epoch
RESULTS/hypotheses_SET.tsv   transcripts of a decoded set (row ``reference``) and who says them (``speaker``),
                             then what each run recognised
RESULTS/about.md             in words, what a pilot differs in; written by hand

A run is finished once it stands in ``runs.yaml``, which is written last.
"""

import csv
import fcntl
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file, write_aside, write_text

RUNS, EPOCHS, HYPOTHESES = "runs.yaml", "epochs.tsv", "hypotheses_{}.tsv"
COUPLING, CONTEXT = "coupling.json", "context.json"  # what was measured, in the directory of a model
REFERENCE, SPEAKER = "reference", "speaker"  # in place of a row's name
RUN_AGAIN = "run `python3 -m research.bin.run_experiments` again"

Texts = dict[str, str]  # utterance → text
Key = tuple[str, str]  # row and seed, as they stand in the tables


@dataclass(frozen=True)
class KeptRun:
    """One finished run.

    Args:
        row: name of the row.
        seed: of the training.
        record: error counts and speed of each set, times, versions, teacher.
        config: the training YAML.
        epochs: statistics of each epoch.
        hypotheses: set → utterance → recognised text.
        coupling: the couplings against the true character times, None where they were not measured.
        context: how much of the teacher's context the encoder knows, None where it was not measured.
    """

    row: str
    seed: int
    record: dict[str, Any]
    config: dict[str, Any]
    epochs: dict[int, dict[str, float]]
    hypotheses: dict[str, Texts]
    coupling: dict[str, float | None] | None = None
    context: dict[str, float | None] | None = None


def add_run(
    results: Path, run: KeptRun, references: dict[str, Texts], speakers: dict[str, Texts] | None = None
) -> None:
    """Add a run to the files of a protocol, in place of a former one of its row and seed.

    Args:
        results: directory of the protocol, e.g. ``results/small``; made if there is none.
        run: the run.
        references: set → utterance → transcript.
        speakers: set → utterance → who says it.

    Raises:
        InputError: the runs there were scored against other transcripts.
    """
    key = (run.row, str(run.seed))
    with _locked(results):
        for name, reference in references.items():
            path = results / HYPOTHESES.format(name)
            known = _read_texts(path) if path.exists() else {}
            if known.get((REFERENCE, ""), reference) != reference:
                raise InputError(
                    f"{path}: the transcripts of {name} are not the reference of the runs kept before; keep "
                    "the runs of one corpus apart"
                )
            known |= {(SPEAKER, ""): speakers[name]} if speakers else {}
            _write_texts(path, known | {(REFERENCE, ""): reference, key: run.hypotheses[name]})
        path = results / EPOCHS
        _write_epochs(path, (_read_epochs(path) if path.exists() else {}) | {key: run.epochs})
        _write_record(results / RUNS, run)


def read_runs(results: Path) -> list[KeptRun]:
    """Read all finished runs of a protocol, by row and seed.

    Raises:
        InputError: there is none, or a part of one is missing.
    """
    content = _read_records(results / RUNS)
    if not content["runs"]:
        raise InputError(f"{results} holds no finished run in {RUNS}; {RUN_AGAIN}")
    runs = _read_own_runs(results, content) + _read_common_runs(results, content)
    return sorted(runs, key=lambda run: (run.row, run.seed))


def _read_own_runs(results: Path, content: dict[str, Any]) -> list[KeptRun]:
    epochs, hypotheses, runs = _read_epochs(results / EPOCHS), {}, []
    for row, seed, record in _each(content):
        for name in record["sets"]:
            if name not in hypotheses:
                hypotheses[name] = _read_texts(results / HYPOTHESES.format(name))
        key = (row, str(seed))
        try:
            parts = epochs[key], {name: hypotheses[name][key] for name in record["sets"]}
        except KeyError as error:
            cure = f"remove the run from {RUNS} and {RUN_AGAIN}"
            raise InputError(
                f"{results}: of {row} seed {seed} epochs or hypotheses are missing; {cure}"
            ) from error
        config = _whole(content["base"], record.pop("config"), record.pop("without", ()))
        measures = record.pop("coupling", None), record.pop("context", None)
        runs.append(KeptRun(row, seed, record, config, *parts, *measures))
    return runs


def _read_common_runs(results: Path, content: dict[str, Any]) -> list[KeptRun]:
    runs = []
    for protocol, rows in content.get("rows_of", {}).items():
        other = results.parent / protocol
        found = [run for run in read_runs(other) if run.row in rows]
        for name in {name for run in found for name in run.hypotheses}:
            if read_reference(other, name) != read_reference(results, name):
                raise InputError(
                    f"{other} and {results} have other transcripts of {name}; take it out of rows_of"
                )
        runs += found
    return runs


def read_reference(results: Path, dataset: str) -> Texts:
    """Read the transcripts of a decoded set."""
    return _read_texts(results / HYPOTHESES.format(dataset))[REFERENCE, ""]


def read_speakers(results: Path, dataset: str) -> Texts | None:
    """Read who says the utterances of a decoded set; None where that was not kept."""
    return _read_texts(results / HYPOTHESES.format(dataset)).get((SPEAKER, ""))


def finished_configs(results: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """Give the training YAML of each finished run by row and seed; none where nothing is kept."""
    content = _read_records(results / RUNS)
    return {
        (row, seed): _whole(content["base"], record["config"], record.get("without", ()))
        for row, seed, record in _each(content)
    }


def _each(content: dict[str, Any]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    return ((row, seed, record) for row, seeds in content["runs"].items() for seed, record in seeds.items())


def _read_records(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {"base": None, "runs": {}}
    return yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _write_record(path: Path, run: KeptRun) -> None:
    content = _read_records(path)
    base = content["base"] or {key: value for key, value in run.config.items() if key != "seed"}
    own = {key: value for key, value in run.config.items() if key not in base or base[key] != value}
    record = run.record | {"config": own}
    if without := [key for key in base if key not in run.config]:
        record["without"] = without
    measures = {"coupling": run.coupling, "context": run.context}
    record |= {name: found for name, found in measures.items() if found}
    rows = content["runs"]
    rows[run.row] = dict(sorted((rows.get(run.row, {}) | {run.seed: record}).items()))
    text = yaml.dump(
        content | {"base": base, "runs": dict(sorted(rows.items()))},
        Dumper=_Dumper,
        default_flow_style=None,  # an innermost mapping on one line
        sort_keys=False,
        allow_unicode=True,
        width=100_000,
    )
    write_text(path, text)


class _Dumper(yaml.SafeDumper):
    """Writes a mapping out wherever it stands; references would number those of the other runs anew."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _whole(base: dict[str, Any], own: dict[str, Any], without: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in base.items() if key not in without} | own


def _read_texts(path: Path) -> dict[Key, Texts]:
    texts: defaultdict[Key, Texts] = defaultdict(dict)
    for line in _read_table(path):
        texts[line["row"], line["seed"]][line["utterance"]] = line["text"]
    return dict(texts)


def _write_texts(path: Path, texts: dict[Key, Texts]) -> None:
    lines = (
        {"row": row, "seed": seed, "utterance": utterance, "text": text}
        for (row, seed), run in sorted(texts.items(), key=_order)
        for utterance, text in run.items()
    )
    _write_table(path, ["row", "seed", "utterance", "text"], lines)


def _read_epochs(path: Path) -> dict[Key, dict[int, dict[str, float]]]:
    epochs: defaultdict[Key, dict[int, dict[str, float]]] = defaultdict(dict)
    for line in _read_table(path):
        run, epoch = epochs[line.pop("row"), line.pop("seed")], int(line.pop("epoch"))
        run[epoch] = {name: float(value) for name, value in line.items() if value}
    return dict(epochs)


def _write_epochs(path: Path, epochs: dict[Key, dict[int, dict[str, float]]]) -> None:
    names = {name for run in epochs.values() for statistics in run.values() for name in statistics}
    lines = (
        {"row": row, "seed": seed, "epoch": epoch} | statistics
        for (row, seed), run in sorted(epochs.items(), key=_order)
        for epoch, statistics in run.items()
    )
    _write_table(path, ["row", "seed", "epoch", *sorted(names)], lines)


def _order(item: tuple[Key, Any]) -> tuple[bool, bool, str, int]:
    (row, seed), _ = item
    return row != REFERENCE, row != SPEAKER, row, int(seed or 0)


def _read_table(path: Path) -> Iterator[dict[str, str]]:
    with require_file(path, RUN_AGAIN).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t")


def _write_table(path: Path, names: list[str], lines: Iterable[dict[str, Any]]) -> None:
    with write_aside(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


@contextmanager
def _locked(results: Path) -> Iterator[None]:
    """Let one run at a time change the files: two may finish together."""
    results.mkdir(parents=True, exist_ok=True)
    with (results / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
