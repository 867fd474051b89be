"""The rows of a comparison of trained systems, each with its margin against the baseline."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from espnet_gmot.data.decoding_facts import common, known_sum
from espnet_gmot.data.kaldi_text import require_same_ids
from espnet_gmot.errors import InputError
from espnet_gmot.score.decoded_sets import decoded_set
from espnet_gmot.score.decoding import facts_of_decoding
from espnet_gmot.score.margin import Margin, SystemErrors, margin_over
from espnet_gmot.score.model_size import inference_parameters
from espnet_gmot.score.result_files import Result, add_results, read_result, references_of
from espnet_gmot.score.significance import holm
from espnet_gmot.score.training_time import training_seconds
from espnet_gmot.yaml_mapping import read_mapping

SCORE_AGAIN = "run stages 12 and 13 for both"


@dataclass(frozen=True)
class System:
    """One way to train a model, trained once or with several seeds, and one way of decoding it.

    Args:
        name: as it stands in the table.
        experiment: directory of the training, e.g. ``exp/asr_train_ctc``.
        decode: name of the decoding directory in it, e.g. ``decode_ctc_greedy``.
        failed: whether its last run failed; what an earlier one left there is then not its result.
        repeats: directories of the same training with other seeds.
    """

    name: str
    experiment: Path
    decode: str
    failed: bool = False
    repeats: tuple[Path, ...] = ()

    @property
    def trainings(self) -> list["System"]:
        """The system once for each seed."""
        return [replace(self, experiment=each, repeats=()) for each in (self.experiment, *self.repeats)]

    def result(self, dataset: str) -> Path:
        """The scored errors of a set, of the first training."""
        return decoded_set(self.experiment, self.decode, dataset) / "score_cer" / "result.json"


@dataclass(frozen=True)
class Row:
    """One system on one set; ``results`` is empty where it was not run, and ``not_run`` says why.

    Args:
        system: the system.
        dataset: name of the decoded set.
        seconds_train: time of training and validation, mean of the seeds, None if unknown.
        not_run: reason for having no result, and the cure.
        results: seed → error counts of each utterance. The seed is not read (0) where each system has one.
        interval: 95 % bootstrap interval of the CER, in percent.
        parameters: number of parameters that decoding runs, None if unknown.
        rtf: real-time factor of decoding, mean of the seeds, None if unknown.
        wer: word error rate in percent, mean of the seeds, None where words were not scored.
        margin: against the baseline; None for itself and where it was not run.
        p_holm: the margin's p, corrected for the number of systems on the set.
    """

    system: System
    dataset: str
    seconds_train: float | None = None
    not_run: str | None = None
    results: dict[int, Result] = field(default_factory=dict)
    interval: tuple[float, float] | None = None
    parameters: int | None = None
    rtf: float | None = None
    wer: float | None = None
    margin: Margin | None = None
    p_holm: float | None = None

    @property
    def result(self) -> Result | None:
        """Error counts summed over the seeds, whose rate is then the mean of theirs; None if not run."""
        return add_results(self.results.values()) if self.results else None


def compare(systems: Sequence[System], sets: Sequence[str], command: str | None = None) -> list[Row]:
    """Collect the scored sets of each system, set by set; the first system is the baseline.

    Args:
        systems: what to compare.
        sets: names of the decoded sets.
        command: what makes a row that is missing, with ``SYSTEM`` for the system's name.

    Raises:
        InputError: nothing has been run, a name comes twice, a result counts anything but
            characters, or two systems were scored on other utterances or other transcripts; where a system
            has several seeds, also if a seed is unknown, comes twice, or is in one of two systems alone.
    """
    for name, count in Counter(system.name for system in systems).items():
        if count > 1:
            raise InputError(f"system {name} is given {count} times; give each a name of its own")
    several = any(system.repeats for system in systems)
    by_system = [[_row(system, dataset, command, several) for dataset in sets] for system in systems]
    rows = [row for rows_of_set in zip(*by_system, strict=True) for row in _with_margins(*rows_of_set)]
    if not any(row.results for row in rows):
        raise InputError(f"no system has a result; {rows[0].system.name}: {rows[0].not_run}")
    return rows


def _row(system: System, dataset: str, command: str | None, several: bool) -> Row:
    trainings = system.trainings
    row = Row(system, dataset, _mean([training_seconds(training.experiment) for training in trainings]))
    for training in trainings:
        if system.failed or not training.result(dataset).is_file():
            return replace(row, not_run=_reason(training, dataset, command))
    results = [_read(training.result(dataset)) for training in trainings]
    for training, result in zip(trainings[1:], results[1:], strict=True):
        _require_same_set(trainings[0].result(dataset), results[0], training.result(dataset), result)
    seeds = _seeds(system) if several else [0]
    facts = [facts_of_decoding(training.experiment, system.decode, dataset) for training in trainings]
    found = dict(zip(seeds, results, strict=True))
    return replace(
        row,
        results=found,
        interval=_errors(found, results[0]).interval,
        parameters=common(
            each and inference_parameters(training.experiment, each.ctc_alone)
            for training, each in zip(trainings, facts, strict=True)
        ),
        rtf=_mean([None if each is None else each.rtf for each in facts]),
        wer=_mean([_word_error_rate(training.result(dataset)) for training in trainings]),
    )


def _read(path: Path) -> Result:
    result = read_result(path)
    if result.unit != "char":
        raise InputError(f"{path} counts {result.unit}s, but CER counts characters; score it again, stage 13")
    return result


def _word_error_rate(cer: Path) -> float | None:
    """What stage 13 scored beside the characters, in languages with spaces."""
    path = cer.parent.with_name("score_wer") / cer.name
    return read_result(path).total.err_rate if path.is_file() else None


def _seeds(system: System) -> list[int]:
    """The seeds of the trainings, as their ``config.yaml`` names them."""
    seeds: dict[int, Path] = {}
    for training in system.trainings:
        config = training.experiment / "config.yaml"
        seed = read_mapping(config, "train again with stage 11").get("seed")
        if seed is None:
            raise InputError(f"{config} names no seed; write the one it was trained with into it")
        if seed in seeds:
            raise InputError(
                f"system {system.name}: {seeds[seed]} and {training.experiment} were both trained with seed "
                f"{seed}; give each system a name of its own, or train with another seed"
            )
        seeds[seed] = training.experiment
    return list(seeds)


def _with_margins(baseline: Row, *others: Row) -> list[Row]:
    """The rows of one set, those that were run with their margin against the first, if that was run."""
    run = [row for row in others if row.results and baseline.results]
    margins = [_margin(baseline, row) for row in run]
    corrected = holm(np.array([each.p for each in margins])).tolist()
    found = {
        row.system.name: {"margin": each, "p_holm": p}
        for row, each, p in zip(run, margins, corrected, strict=True)
    }
    return [baseline, *(replace(row, **found.get(row.system.name, {})) for row in others)]


def _margin(baseline: Row, row: Row) -> Margin:
    first = next(iter(baseline.results.values()))
    _require_same_set(
        baseline.system.result(row.dataset),
        first,
        row.system.result(row.dataset),
        next(iter(row.results.values())),
    )
    margin = margin_over(_errors(baseline.results, first), _errors(row.results, first))
    if margin is None:
        ours, theirs = (
            f"{each.system.name} (seeds {', '.join(map(str, each.results))})" for each in (row, baseline)
        )
        raise InputError(f"{ours} and {theirs} have no seed in common; train one with a seed of the other")
    return margin


def _reason(system: System, dataset: str, command: str | None) -> str:
    """Which stage has not been run, and how to run it."""
    hypotheses = decoded_set(system.experiment, system.decode, dataset) / "text"
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


def _require_same_set(theirs: Path, expected: Result, ours: Path, result: Result) -> None:
    """Both were scored on the same utterances, against the same characters."""
    require_same_ids(expected.utterances, theirs, result.utterances, ours, SCORE_AGAIN)
    references = references_of(ours, result)
    other = [
        utterance
        for utterance, text in references_of(theirs, expected).items()
        if "".join(text.split()) != "".join(references.get(utterance, "").split())
    ]
    if other:
        ours, theirs = (path.with_name("per_utt.txt") for path in (ours, theirs))  # which people can read
        raise InputError(
            f"{ours} and {theirs}: {len(other)} utterances were scored against other transcripts "
            f"(first: {other[0]}); prepare the data once and {SCORE_AGAIN}"
        )


def _errors(results: Mapping[int, Result], first: Result) -> SystemErrors:
    """Errors of each seed, characters of the references, and speakers, in the order of ``first``."""
    order = list(first.utterances)
    counts = {seed: [result.utterances[utterance] for utterance in order] for seed, result in results.items()}
    return SystemErrors(
        {seed: np.array([each.errors for each in counted]) for seed, counted in counts.items()},
        np.array([each.units for each in next(iter(counts.values()))]),
        None if first.speakers is None else np.array([first.speakers[utterance] for utterance in order]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean, None if one of the values is not known."""
    total = known_sum(values)
    return None if total is None else total / len(values)
