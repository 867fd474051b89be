"""The rows of a comparison of trained systems, each with its margin against the baseline."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from espnet_gmot.data.kaldi_text import require_same_ids
from espnet_gmot.errors import InputError
from espnet_gmot.score.decoding_speed import decoding_logs, real_time_factor, sampling_rate
from espnet_gmot.score.job_log import job_command
from espnet_gmot.score.model_size import inference_parameters
from espnet_gmot.score.result_files import Result, read_references, read_result
from espnet_gmot.score.significance import (
    bootstrap_interval,
    holm,
    paired_bootstrap_interval,
    paired_permutation_test,
)
from espnet_gmot.score.training_time import training_seconds

GREEDY = "espnet_gmot.bin.asr_ctc_greedy"
SCORE_AGAIN = "run stages 12 and 13 for both"


@dataclass(frozen=True)
class System:
    """One trained model and one way of decoding it.

    Args:
        name: as it stands in the table.
        experiment: directory of the training, e.g. ``exp/asr_train_ctc``.
        decode: name of the decoding directory in it, e.g. ``decode_ctc_greedy``.
        failed: whether its last run failed; what an earlier one left there is then not its result.
    """

    name: str
    experiment: Path
    decode: str
    failed: bool = False

    def result(self, dataset: str) -> Path:
        """The scored errors of a set."""
        return self.experiment / self.decode / dataset / "score_cer" / "result.json"


@dataclass(frozen=True)
class Margin:
    """How a system differs from the baseline on one set.

    Args:
        difference: CER minus the baseline's, in percent points.
        interval: 95 % bootstrap interval of the difference.
        change: the difference as a percentage of the baseline's CER; None where that is 0.
        p: of the paired permutation test.
        p_holm: the same, corrected for the number of systems on the set.
    """

    difference: float
    interval: tuple[float, float]
    change: float | None
    p: float
    p_holm: float


@dataclass(frozen=True)
class Row:
    """One system on one set; ``result`` is None where it was not run, and ``not_run`` says why.

    Args:
        system: the system.
        dataset: name of the decoded set.
        seconds_train: time of training and validation, None if unknown.
        not_run: reason for having no result, and the cure.
        result: error counts of each utterance.
        interval: 95 % bootstrap interval of the CER, in percent.
        parameters: number of parameters that decoding runs, None if unknown.
        rtf: real-time factor of decoding, None if unknown.
        margin: against the baseline; None for itself and where it was not run.
    """

    system: System
    dataset: str
    seconds_train: float | None = None
    not_run: str | None = None
    result: Result | None = None
    interval: tuple[float, float] | None = None
    parameters: int | None = None
    rtf: float | None = None
    margin: Margin | None = None


def compare(systems: Sequence[System], sets: Sequence[str], command: str | None = None) -> list[Row]:
    """Collect the scored sets of each system, set by set; the first system is the baseline.

    Args:
        systems: what to compare.
        sets: names of the decoded sets.
        command: what makes a row that is missing, with ``SYSTEM`` for the system's name.

    Raises:
        InputError: nothing has been run, a name comes twice, a result counts anything but
            characters, or two systems were scored on other utterances or other transcripts.
    """
    for name, count in Counter(system.name for system in systems).items():
        if count > 1:
            raise InputError(f"system {name} is given {count} times; give each a name of its own")
    by_system = [_rows_of_system(system, sets, command) for system in systems]
    rows = [row for rows_of_set in zip(*by_system, strict=True) for row in _with_margins(*rows_of_set)]
    if all(row.result is None for row in rows):
        raise InputError(f"no system has a result; {rows[0].system.name}: {rows[0].not_run}")
    return rows


def _rows_of_system(system: System, sets: Sequence[str], command: str | None) -> list[Row]:
    seconds, rate = training_seconds(system.experiment), sampling_rate(system.experiment)
    return [replace(_row(system, dataset, rate, command), seconds_train=seconds) for dataset in sets]


def _row(system: System, dataset: str, rate: int | None, command: str | None) -> Row:
    path = system.result(dataset)
    if system.failed or not path.is_file():
        return Row(system, dataset, not_run=_reason(system, dataset, command))
    result = read_result(path)
    if result.unit != "char":
        raise InputError(f"{path} counts {result.unit}s, but CER counts characters; score it again, stage 13")
    logs = decoding_logs(system.experiment / system.decode / dataset)
    return Row(
        system,
        dataset,
        result=result,
        interval=bootstrap_interval(_errors(result), _units(result)),
        parameters=_parameters(system, logs),
        rtf=real_time_factor(logs, len(result.utterances), rate),
    )


def _with_margins(baseline: Row, *others: Row) -> list[Row]:
    """The rows of one set, those that were run with their margin against the first, if that was run."""
    if baseline.result is None:
        return [baseline, *others]
    run = [row for row in others if row.result is not None]
    for row in run:
        _require_same_set(baseline, row)
    margins = dict(zip((row.system for row in run), _margins(baseline.result, run), strict=True))
    return [baseline, *(replace(row, margin=margins.get(row.system)) for row in others)]


def _parameters(system: System, logs: Sequence[Path]) -> int | None:
    """Those that the decoder named in the logs runs; without logs it is not known which decoder that was."""
    if not logs:
        return None
    return inference_parameters(system.experiment, ctc_alone=GREEDY in (job_command(logs[0]) or ""))


def _reason(system: System, dataset: str, command: str | None) -> str:
    """Which stage has not been run, and how to run it."""
    hypotheses = system.experiment / system.decode / dataset / "text"
    if system.failed:
        missing, first = "failed, as its log says", 11
    elif hypotheses.is_file():
        missing, first = f"not scored ({system.result(dataset)} is missing)", 13
    elif any(system.experiment.glob("valid.*.ave*.pth")):
        missing, first = f"not decoded ({hypotheses} is missing)", 12
    else:
        missing, first = f"not trained ({system.experiment} has no averaged model)", 11
    stages = "stage 13" if first == 13 else f"stages {first} to 13"
    cure = command.replace("SYSTEM", system.name) if command else stages
    return f"{missing}; run {cure}"


def _require_same_set(baseline: Row, row: Row) -> None:
    """Both were scored on the same utterances, against the same characters."""
    ours, theirs = (each.system.result(each.dataset) for each in (row, baseline))
    require_same_ids(baseline.result.utterances, theirs, row.result.utterances, ours, SCORE_AGAIN)
    ours, theirs = (path.with_name("per_utt.txt") for path in (ours, theirs))
    expected, references = read_references(theirs), read_references(ours)
    other = [
        utterance
        for utterance, text in expected.items()
        if "".join(text.split()) != "".join(references.get(utterance, "").split())
    ]
    if other:
        raise InputError(
            f"{ours} and {theirs}: {len(other)} utterances were scored against other transcripts "
            f"(first: {other[0]}); prepare the data once and {SCORE_AGAIN}"
        )


def _margins(baseline: Result, rows: Sequence[Row]) -> list[Margin]:
    errors, units, cer = _errors(baseline), _units(baseline), baseline.total.err_rate
    theirs = [_errors(row.result, baseline) for row in rows]
    p_values = [paired_permutation_test(errors, other) for other in theirs]
    margins = []
    for row, other, p, p_holm in zip(rows, theirs, p_values, holm(np.array(p_values)), strict=True):
        difference = row.result.total.err_rate - cer
        interval = paired_bootstrap_interval(errors, other, units)
        change = 100 * difference / cer if cer else None
        margins.append(Margin(difference, interval, change, p, float(p_holm)))
    return margins


def _errors(result: Result, order: Result | None = None) -> np.ndarray:
    """Errors of each utterance (utterances,), in the order of ``order``."""
    return np.array([result.utterances[utterance].errors for utterance in (order or result).utterances])


def _units(result: Result) -> np.ndarray:
    """Characters of each utterance's reference (utterances,)."""
    return np.array([counts.units for counts in result.utterances.values()])
