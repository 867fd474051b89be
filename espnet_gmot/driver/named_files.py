"""The files that options of asr.sh, and the YAMLs among them, name: those that are to be read must exist."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from espnet_gmot.driver.names import Names, files_of
from espnet_gmot.driver.option_kinds import KINDS, Kind
from espnet_gmot.driver.options import Options
from espnet_gmot.driver.training_inputs import with_arguments
from espnet_gmot.errors import InputError, refuse
from espnet_gmot.yaml_mapping import read_mapping

NOTHING = ("", "none")
YAMLS = {"asr_config": "asr_args", "lm_config": "lm_args", "inference_config": "inference_args"}
# Keys of these YAMLs that name a file, or "a directory or a model of the hub"
YAML_FILES = (
    "init_param", "noise_scp", "rir_scp", "preprocessor_conf.teacher_cache", "model_conf.projection",
    "ngram_file", "word_lm_train_config", "word_lm_file",
)  # fmt: skip
YAML_MODELS = ("preprocessor_conf.teacher", "model_conf.teacher")
# Keys that asr.sh sets itself: a YAML's are of no account, those of --asr_args and its like are
SET_BY_ASR_SH = (
    "normalize_conf.stats_file", "token_list", "bpemodel", "non_linguistic_symbols",
    "lm_train_config", "lm_file",
)  # fmt: skip
RECIPES_OWN = ("exp", "data", "dump", "conf", "local")  # no names of users of the hub


class Named(NamedTuple):
    """A file to be read, or a directory.

    Args:
        name: who names it, e.g. ``--asr_config``.
        path: where it has to be.
        readers: the stages that read it.
        maker: the last stage that may make it; 0 for what no stage makes.
        is_directory: what it is.
    """

    name: str
    path: str
    readers: Sequence[int]
    maker: int
    is_directory: bool = False

    def fault(self, stages: Sequence[int]) -> str | None:
        """What is wrong with it, unless one of ``stages`` may make it in time or none reads it."""
        readers = [reader for reader in self.readers if reader in stages]
        in_time = [any(stage <= self.maker and stage < reader for stage in stages) for reader in readers]
        if not os.path.exists(self.path):
            return None if all(in_time) else f"{self.name} {self.path} does not exist"
        if readers and os.path.isdir(self.path) != self.is_directory:
            wrong = "is no directory" if self.is_directory else "is a directory and no file"
            return f"{self.name} {self.path} {wrong}"
        return None


def require_named_files(options: Options, stages: Sequence[int]) -> None:
    """Refuse the run if a file that one of its stages reads is missing, and no stage before may make it.

    Args:
        options: of asr.sh.
        stages: numbers of those that are still to run.

    Raises:
        InputError: names the options, and all files that are missing.
    """
    faults = [
        f"--{name} is required for stages {' and '.join(map(str, kind.readers))}"
        for name, kind in KINDS.items()
        if kind.required and not getattr(options, name) and set(kind.readers) & set(stages)
    ]
    named = list(_of_options(options))
    for yaml, arguments in YAMLS.items():
        if set(KINDS[yaml].readers) & set(stages):
            try:
                named += _of_yaml(options, yaml, arguments)
            except InputError as error:
                faults.append(f"--{yaml}, --{arguments}: {error}")
    refuse([*faults, *filter(None, (file.fault(stages) for file in named))])


def require_model(option: str, model: str) -> None:
    """Refuse what can only be a directory and is none; all else may be a model's name on the hub.

    Raises:
        InputError: names the option.
    """
    if _is_place(model) and not Path(model).is_dir():
        raise InputError(f"--{option} {model} does not exist")


def _of_options(options: Options) -> Iterator[Named]:
    for name, kind in KINDS.items():
        value = getattr(options, name)
        if not kind.readers or value in NOTHING or not _is_read(name, options):
            continue
        for path in _paths(kind, name, value):
            maker = 0 if name in YAMLS else _last_maker(path, options)
            yield Named(f"--{name}", path, kind.readers, maker, is_directory=kind.what == "model")


def _is_read(name: str, options: Options) -> bool:
    """Whether the kind of tokens leaves the option a meaning."""
    wanted = {"bpe_train_text": "bpe", "bpe_nlsyms": "bpe", "hugging_face_model_name_or_path": "hugging_face"}
    return wanted.get(name, options.token_type) == options.token_type


def _paths(kind: Kind, name: str, value: str) -> list[str]:
    match kind.what:
        case "files":
            return [str(path) for path in files_of(name, value)]
        case "model":
            return [value] if _is_place(value) else []
        case "file or list":
            return [value] if "/" in value else []
    return [value]


def _is_place(model: str) -> bool:
    top, *rest = model.split("/")
    return model.startswith(("/", ".", "~")) or len(rest) > 1 or (top in RECIPES_OWN and bool(rest))


def _of_yaml(options: Options, yaml: str, arguments: str) -> Iterator[Named]:
    path, words = getattr(options, yaml), options.words(arguments)
    config = read_mapping(path, f"name another by --{yaml}") if os.path.exists(path) else {}
    merged, given = with_arguments(config, words), with_arguments({}, words)
    found = [*_values(merged, YAML_FILES), *_values(given, SET_BY_ASR_SH)]
    found += [(key, value) for key, value in _values(merged, YAML_MODELS) if _is_place(value)]
    for key, value in found:
        name = f"{f'--{arguments}' if key.split('.')[0] in given else path}: {key}"
        is_directory = key in (*YAML_MODELS, "preprocessor_conf.teacher_cache")
        yield Named(name, value, KINDS[yaml].readers, _last_maker(value, options), is_directory)


def _values(config: Mapping[str, Any], keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    for key in keys:
        block, _, last = key.rpartition(".")
        found = ((config.get(block) or {}) if block else config).get(last)
        for value in found if isinstance(found, list) else [found]:
            if not isinstance(value, str) or value in (*NOTHING, "random"):
                continue
            yield key, value.partition(":")[0] if key == "init_param" else value


def _last_maker(path: str, options: Options) -> int:
    names = Names(options)
    makers = {
        Path("data") / names.train_name: 2,
        names.data_feats: 4,
        names.token_dir: 5,
        names.lm_stats_dir: 6,
        names.lm_exp: 7,
        names.asr_stats_dir: 10,
        names.asr_exp: 11,
    }
    place = Path(os.path.abspath(path))
    return max((stage for made, stage in makers.items() if place.is_relative_to(made.absolute())), default=1)
