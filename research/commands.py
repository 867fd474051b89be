"""The commands of an experiment, in the order in which they run in ``research/exp/PRESET``.

Each function is a generator: it gives a command, and goes on when that has ended well.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from espnet_gmot.driver.freshness import is_fresh
from espnet_gmot.driver.training_yaml import CTC_CHECKPOINT
from espnet_gmot.files import require_file, write_text
from research.kept_files import CONTEXT, COUPLING
from research.runs import PROBED_WITH, Run, yaml_of
from research.table import Corpus, Teacher

Command = list[str]
# Python with the environment of a recipe's stages: one thread, and the order of Kaldi's tables
PYTHON = ["bash", "-c", '. ./path.sh && exec python3 "$@"', "python3"]
TEACHER_TEXT = Path("data/local/teacher.txt")  # what teachers and language model of Mini Mandarin learn from
SEARCH = {"ctc_greedy": ["--ctc_greedy", "true"], "ctc_beam_lm": ["--use_lm", "true"]}


@dataclass(frozen=True)
class Machine:
    """What a run may use, GPUs and threads for training on the CPU, and what it runs on."""

    ngpu: int
    threads: int
    corpus: Corpus
    preset: str

    def asr(self, first: int, last: int, *options: object) -> Command:
        """``./asr.sh`` from one stage to another, with the options that all experiments have in common."""
        threads = str(self.threads)
        common = shlex.split(self.corpus.options.format(preset=self.preset))
        common += ["--valid_set", self.corpus.dev, "--test_sets", " ".join(self.corpus.sets)]
        common += ["--python", "python3 -m espnet_gmot"]
        common += ["--ngpu", str(self.ngpu), "--nj", threads, "--inference_nj", threads]
        common += ["--asr_stats_dir", "exp/asr_stats", "--lm_exp", "exp/lm"]
        # ESPnet draws its curves anew after each epoch, an eighth of the time here; TensorBoard has them too
        common += ["--asr_args", "--use_matplotlib false", "--inference_asr_model", CTC_CHECKPOINT]
        return ["./asr.sh", "--stage", str(first), "--stop_stage", str(last), *common, *map(str, options)]


def prepare_corpus(machine: Machine, local_data_opts: str) -> Iterator[Command]:
    """Data, tokens and the statistics that all trainings share."""
    own = machine.corpus.local_data_opts.format(preset=machine.preset)
    yield machine.asr(1, 5, "--local_data_opts", f"{own} {local_data_opts}".strip())
    yield machine.asr(10, 10, "--asr_config", yaml_of(machine.corpus, "ctc", machine.preset))


def prepare_teacher(machine: Machine, name: str, teacher: Teacher, cores: int) -> Iterator[Command]:
    """A teacher in ``exp/teacher_NAME``, with cache and projection; what is there is kept."""
    out = Path(f"exp/teacher_{name}")
    if teacher == Teacher():
        yield ["local/teacher.sh", "--preset", machine.preset, "--out", str(out)]
        return
    model = out / "bert"
    if teacher.wheel:
        model = Path(f"exp/wheel_{teacher.wheel}")
        yield _module("espnet_gmot.bin.teacher_from_wheel", "--vocabulary", teacher.wheel, "--out", model)
    elif teacher.random_init:
        base = Path(f"exp/teacher_{PROBED_WITH}")
        yield ["local/teacher.sh", "--preset", machine.preset, "--out", str(base)]
        model = base / "bert"
    else:
        options = ["--preset", "tiny"] if machine.preset == "tiny" else shlex.split(teacher.pretrain)
        lines = _lines(TEACHER_TEXT)[teacher.every - 1 :: teacher.every]
        _write(out / "text.txt", "".join(f"{line}\n" for line in lines))
        pretrain = ["local/pretrain_teacher.py", "--text", f"{out}/text.txt", "--out", str(model), *options]
        yield ["env", f"OMP_NUM_THREADS={cores}", *PYTHON, *pretrain]
    layer = [] if teacher.layer is None else ["--layer", str(teacher.layer)]
    texts = [f"dump/raw/{name}/text" for name in (machine.corpus.train, machine.corpus.dev)]
    options = ["--teacher", str(model), "--random_init", str(teacher.random_init).lower(), *layer]
    options += ["--text", *texts, "--out", f"{out}/cache", "--projection", f"{out}/projection.npz"]
    yield ["env", f"OMP_NUM_THREADS={cores}", *_module("espnet_gmot.bin.cache_teacher", *options)]


def prepare_language_model(machine: Machine) -> Iterator[Command]:
    """The language model in ``exp/lm``, on the teachers' text, a fragment between two commas a line."""
    fragments = [fragment for line in _lines(TEACHER_TEXT) for fragment in line.split("，")]
    text = Path("exp/lm_train.txt")
    _write(text, "".join(f"lm{number:07d} {line}\n" for number, line in enumerate(fragments, start=1)))
    options = ["--use_lm", "true", "--lm_config", f"conf/train_lm_{machine.preset}.yaml"]
    yield machine.asr(6, 8, *options, "--lm_train_text", text)


def train_alone(run: Run, machine: Machine) -> Iterator[Command]:
    """Train a run with whose model others begin."""
    run.record.begin()
    yield machine.asr(11, 11, *_trained_by(run))


def carry_out(run: Run, results: Path, machine: Machine) -> Iterator[Command]:
    """Train, decode and score a run, measure its encoder and coupling, keep the results."""
    run.record.begin()
    model, decode = run.model, f"decode_{run.row.decoding}"
    options = ["--inference_config", f"conf/{decode}.yaml", "--inference_tag", decode]
    yield machine.asr(11, 13, *_trained_by(run), *options, *SEARCH[run.row.decoding])

    yield from _measure(run, machine.corpus)
    kept = ["--results", results, "--row", run.row.name, "--seed", run.seed, "--config", run.config]
    yield _python(
        "keep_experiment", *kept, "--experiment", model, "--decode", decode, "--sets", *machine.corpus.sets
    )
    run.record.finish()


def _trained_by(run: Run) -> list[object]:
    return ["--expdir", run.expdir, "--asr_exp", run.model, "--asr_config", run.config]


def _measure(run: Run, corpus: Corpus) -> Iterator[Command]:
    """Whether the coupling lies where the characters are spoken, and what the encoder has of their context.

    The second is known only where the true times are; for the first CTC's own path takes their place.
    """
    model, trained = run.model, [run.checkpoint]
    dev, ctm = f"dump/raw/{corpus.dev}", f"data/{corpus.dev}/ctm"
    true_times = Path(ctm).is_file()
    if true_times and not is_fresh(model / CONTEXT, 0.0, trained):
        cache = ["--teacher_cache", f"exp/teacher_{PROBED_WITH}/cache"]
        train = ["--train_data", f"dump/raw/{corpus.train}", "--train_ctm", f"data/{corpus.train}/ctm"]
        test = ["--test_data", dev, "--test_ctm", ctm]
        yield _python("probe_context", "--experiment", model, *cache, *train, *test, "--out", model / CONTEXT)
    if "preprocessor" in run.training and not is_fresh(model / COUPLING, 0.0, trained):
        data = ["--data", dev, *(["--ctm", ctm] if true_times else [])]
        yield _module(
            "espnet_gmot.bin.measure_coupling", "--experiment", model, *data, "--out", model / COUPLING
        )


def _python(command: str, *options: object) -> Command:
    return _module(f"research.bin.{command}", *options)


def _module(module: str, *options: object) -> Command:
    return [*PYTHON, "-m", module, *map(str, options)]


def _lines(path: Path) -> list[str]:
    text = require_file(path, "remove data/ and make the corpus again").read_text(encoding="utf-8")
    return text.removesuffix("\n").split("\n")


def _write(path: Path, text: str) -> None:
    """Write a text unless it is there already."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
