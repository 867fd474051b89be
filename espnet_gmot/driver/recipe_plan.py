"""What a recipe runs: the commands of one system, and the rows of a page that compares several."""

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from espnet_gmot.driver.jobs import is_local, lacks_gpus, usable_cpus
from espnet_gmot.driver.named_files import require_model
from espnet_gmot.driver.options import shell_words
from espnet_gmot.driver.training_yaml import TrainingYaml, read_training_yaml, require_equal_budgets
from espnet_gmot.errors import InputError

PYTHON = "python3 -m espnet_gmot"
# For ESPnet's asr.sh; ours does so itself
CHECK_INSTALL = ["python3", "-m", "espnet_gmot.bin.check_install", "--quick", "true"]
# Options of a recipe's run.sh that decide what runs, with their defaults; all others are ./asr.sh's alone.
DEFAULTS = {
    "teacher": "",  # empty: the recipe has made the cache itself
    "allow_download": "false",
    "teacher_args": "",  # further options of espnet_gmot.bin.cache_teacher, such as "--layer 6 --nj 4"
    "stage": "1",
    "stop_stage": "14",
    "ngpu": "1",
    "train_set": "",
    "valid_set": "",
    "asr_config": "",
    "use_lm": "false",
    "skip_train": "false",
    "inference_config": "",  # empty: that of the kind of system
    "inference_asr_model": "",  # empty: the best by the YAML's best_model_criterion
}
FOR_THE_TEACHER = ("teacher", "allow_download", "teacher_args")
# By kind of system and whether a language model helps
DECODINGS = {
    ("ctc", False): "conf/decode_ctc_greedy.yaml",
    ("ctc", True): "conf/decode_ctc_beam_lm.yaml",
    ("hybrid", False): "conf/decode_hybrid.yaml",
    ("hybrid", True): "conf/decode_hybrid_lm.yaml",
}


def take_options(arguments: Sequence[str], names: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """Take the pairs --NAME VALUE of these names from a command line, and give what is left.

    Example:
        >>> take_options(["--stop-stage", "5", "--lang", "zh", "--stop_stage", "6"], ["stop_stage"])
        ({'stop_stage': '6'}, ['--lang', 'zh'])
    """
    taken, others, words = {}, [], iter(arguments)
    for word in words:
        name = word.removeprefix("--").replace("-", "_")
        if not word.startswith("--") or name not in names:
            others.append(word)
        elif (value := next(words, None)) is None:
            raise InputError(f"{word} needs a value")
        else:
            taken[name] = value
    return taken, others


def plan_system(arguments: Sequence[str], train_cmd: str, cuda_cmd: str) -> list[list[str]]:
    """Plan one system, in a recipe's directory: its data, the teacher if training needs one, the rest.

    Args:
        arguments: of the recipe's run.sh; those not in :data:`DEFAULTS` go to ./asr.sh as they are.
        train_cmd: what starts jobs without a GPU, as cmd.sh says.
        cuda_cmd: what starts trainings, likewise.

    Returns:
        The commands, to be run one after the other.

    Raises:
        InputError: an option, the training YAML or the decoding YAML is not as it must be, or a GPU is
            asked for that this machine lacks.
    """
    given, others = take_options(arguments, DEFAULTS)
    options = DEFAULTS | given
    for name in ("stage", "stop_stage", "ngpu"):
        if not re.fullmatch("[0-9]+", options[name]):
            raise InputError(f"--{name} is a whole number, not '{options[name]}'")
    if options["allow_download"] not in ("true", "false"):
        raise InputError(f"--allow_download is true or false, not '{options['allow_download']}'")
    require_model("teacher", options["teacher"])
    first, last = int(options["stage"]), int(options["stop_stage"])
    trains = options["skip_train"] == "false" and first <= 11
    if trains and last >= 7:
        _require_gpus(options["ngpu"], cuda_cmd)
    system = read_training_yaml(options["asr_config"])
    _choose_decoding(options, system)

    def asr(first: int, last: int) -> list[str]:
        pairs = {name: value for name, value in options.items() if name not in FOR_THE_TEACHER}
        pairs |= {"stage": str(first), "stop_stage": str(last), "python": PYTHON}
        pairs |= dict.fromkeys(("nj", "inference_nj"), str(usable_cpus()))  # ESPnet's defaults are 32
        return [
            "./asr.sh",
            *(word for name, value in pairs.items() for word in (f"--{name}", value)),
            *others,
        ]

    needs_teacher = options["teacher"] and system.teacher_cache and trains and last >= 10
    return [
        *([] if _asr_sh_is_ours() else [CHECK_INSTALL]),
        *([asr(first, min(last, 5))] if first <= 5 else []),
        *([_cache_teacher(options, system, train_cmd, cuda_cmd)] if needs_teacher else []),
        *([asr(max(first, 6), last)] if last >= 6 else []),
    ]


def plan_comparison(
    systems: Sequence[str], baseline: str, conf: Path = Path("conf")
) -> Iterator[tuple[Path, str, str, int]]:
    """Plan the rows of a comparison: a hybrid is decoded twice, the second time by its CTC alone.

    Args:
        systems: names of training YAMLs in ``conf``; none means the baseline, then every train_asr_*.yaml.
        baseline: the first of them then.
        conf: where the YAMLs are.

    Yields:
        Training YAML, name of the row, name of the decoding YAML, first stage to run.

    Raises:
        InputError: a YAML is missing, or budgets differ.
    """
    if not systems:
        others = sorted({path.stem for path in conf.glob("train_asr_*.yaml")} - {baseline})
        systems = [baseline, *others]
    yamls = [conf / f"{system}.yaml" for system in systems]
    require_equal_budgets(yamls)
    for yaml in yamls:
        if read_training_yaml(yaml).kind == "hybrid":
            yield yaml, yaml.stem, "decode_hybrid", 6
            yield yaml, f"{yaml.stem}_by_ctc_alone", "decode_ctc_greedy", 12
        else:
            yield yaml, yaml.stem, "decode_ctc_greedy", 6


def _require_gpus(ngpu: str, cuda_cmd: str) -> None:
    """asr.sh says so at the stages that train: here it is before the data and the teacher."""
    if lacks_gpus(int(ngpu), cuda_cmd):
        raise InputError(
            f"--ngpu {ngpu} and this machine shows no GPU; "
            "use --ngpu 0 to try out, or --stop_stage 5 for the data"
        )


def _choose_decoding(options: dict[str, str], system: TrainingYaml) -> None:
    options["inference_asr_model"] = options["inference_asr_model"] or system.inference_asr_model
    chosen = options["inference_config"] or DECODINGS[system.kind, options["use_lm"] == "true"]
    options["inference_config"] = chosen
    if int(options["stop_stage"]) >= 12 and not Path(chosen).is_file():
        raise InputError(
            f"{chosen}, which decodes what {options['asr_config']} trains, does not exist; "
            "name another by --inference_config"
        )
    if Path(chosen).name == "decode_ctc_greedy.yaml" and _asr_sh_is_ours():
        options["ctc_greedy"] = "true"  # ESPnet's lacks it: its beam search runs with beam 1


def _asr_sh_is_ours() -> bool:
    """ESPnet's, inside an ESPnet checkout, lacks the option ``--ctc_greedy``."""
    return re.search("^ctc_greedy=", Path("asr.sh").read_text(encoding="utf-8"), re.MULTILINE) is not None


def _cache_teacher(options: dict[str, str], system: TrainingYaml, train_cmd: str, cuda_cmd: str) -> list[str]:
    """In a directory whose name holds "random" the teacher's weights are drawn at random: the control."""
    random_init = "random" in Path(system.teacher_cache).parent.name
    launcher = f"{cuda_cmd} --gpu 1" if int(options["ngpu"]) else train_cmd
    return [
        *(("env", f"OMP_NUM_THREADS={usable_cpus()}") if is_local(launcher) else ()),
        *("python3", "-m", "espnet_gmot.bin.cache_teacher"),
        *("--teacher", options["teacher"], "--allow_download", options["allow_download"]),
        *("--random_init", str(random_init).lower(), "--out", system.teacher_cache),
        *("--text", f"data/{options['train_set']}/text", f"data/{options['valid_set']}/text"),
        *(("--projection", system.projection) if system.projection else ()),
        *("--cmd", launcher),
        *shell_words("teacher_args", options["teacher_args"]),
    ]
