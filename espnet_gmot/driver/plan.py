"""The stages of asr.sh: which of them run, and what is refused before the first one does."""

import logging
import os
from importlib import import_module
from typing import NamedTuple

from espnet_gmot.data.audio import parse_rate
from espnet_gmot.driver.commands import Commands
from espnet_gmot.driver.jobs import lacks_gpus
from espnet_gmot.driver.kept_models import require_kept_models
from espnet_gmot.driver.named_files import require_named_files
from espnet_gmot.driver.odd_names import require_plain_names
from espnet_gmot.driver.options import Options
from espnet_gmot.driver.path_names import check_path_names
from espnet_gmot.driver.speed_perturb import check_factors
from espnet_gmot.errors import InputError


class Stage(NamedTuple):
    """A stage of asr.sh.

    Args:
        number: from 1, as ESPnet counts them.
        title: what the log calls it.
        module: of ``espnet_gmot.driver.stages``; empty for local/data.sh and what this driver lacks.
        name: its function, and the subcommand of ``espnet_gmot.bin.stage``.
    """

    number: int
    title: str
    module: str = ""
    name: str = ""

    def run(self, options: Options, commands: Commands) -> None:
        """Do what the stage does; what other stages import need not be waited for."""
        getattr(import_module(f"espnet_gmot.driver.stages.{self.module}"), self.name)(options, commands)


STAGES = (
    Stage(1, "data preparation"),
    Stage(2, "speed perturbation", "data", "perturb_speed"),
    Stage(3, "formatting of audio", "data", "format_audio"),
    Stage(4, "removal of long and short data", "data", "filter_lengths"),
    Stage(5, "token list", "tokens", "token_list"),
    Stage(6, "language model statistics", "lm", "lm_stats"),
    Stage(7, "language model training", "lm", "lm_train"),
    Stage(8, "perplexity", "lm", "lm_perplexity"),
    Stage(9, "n-gram"),
    Stage(10, "statistics", "asr", "asr_stats"),
    Stage(11, "training", "asr", "asr_train"),
    Stage(12, "decoding", "decode", "decode"),
    Stage(13, "scoring", "score", "score"),
    Stage(14, "packing", "pack", "pack"),
    Stage(15, "upload"),
)
IN_PYTHON = {stage.name: stage for stage in STAGES if stage.name}
NOT_HERE = (9, 15)


def selected(options: Options) -> list[int]:
    """Return the numbers of the stages that the options choose, in order."""
    return [stage.number for stage in STAGES if _is_selected(stage.number, options)]


def _is_selected(number: int, options: Options) -> bool:
    if number <= 5:
        skipped = options.skip_data_prep
    elif number <= 8:
        skipped = options.skip_train or not options.use_lm
    elif number <= 11:
        skipped = options.skip_train
    elif number <= 13:
        skipped = options.skip_eval
    else:
        skipped = options.skip_packing
    return options.stage <= number <= options.stop_stage and not skipped and number not in NOT_HERE


def check(options: Options) -> None:
    """Refuse what no stage could do with these options on this machine.

    Raises:
        InputError: names the option and the cure.
    """
    _check_values(options)
    check_path_names(options)
    _check_tokens(options)
    _check_range(options)
    _check_recipe(options)
    require_plain_names(options)
    chosen = selected(options)
    if not chosen:
        logging.warning("--stage, --stop_stage and the --skip_ options leave no stage to run")
    require_named_files(options, chosen)
    require_kept_models(options, chosen)
    if 7 in chosen or 11 in chosen:
        _check_devices(options)


def _check_values(options: Options) -> None:
    for name in ("num_nodes", "nj", "inference_nj"):
        if getattr(options, name) < 1:
            raise InputError(f"--{name} is at least 1")
    for name in ("dumpdir", "expdir", "train_set", "valid_set", "test_sets"):
        if not getattr(options, name).strip():
            raise InputError(f"--{name} is required")
    try:
        parse_rate(options.fs)
    except InputError as error:
        raise InputError(f"--fs is a sampling rate such as 16k or 16000, not '{options.fs}'") from error
    if not options.min_wav_duration < options.max_wav_duration:  # also where one is no number, nan
        raise InputError(
            f"--min_wav_duration {options.min_wav_duration:g} is not below --max_wav_duration "
            f"{options.max_wav_duration:g}"
        )
    if options.speed_perturb_factors:
        check_factors(options.speed_perturb_factors.split())


def _check_tokens(options: Options) -> None:
    hugging_face = options.token_type == "hugging_face"
    if hugging_face and not options.hugging_face_model_name_or_path:
        raise InputError("--token_type hugging_face needs --hugging_face_model_name_or_path")
    if (options.cleaner, options.g2p) != ("none", "none"):
        _check_cleaning(options)
    if options.use_ngram:
        raise InputError("stage 9 (n-gram) is not in this driver yet; use --use_ngram false")
    if options.use_lm and hugging_face:
        raise InputError("ESPnet's language models have no --token_type hugging_face; use --use_lm false")
    if options.use_lm and options.ctc_greedy:
        raise InputError("--ctc_greedy true decodes without a language model; choose it or --use_lm true")


def _check_cleaning(options: Options) -> None:
    from espnet2.text.cleaner import TextCleaner  # takes seconds that most runs need not wait
    from espnet2.text.phoneme_tokenizer import g2p_choices

    if options.g2p != "none" and options.g2p not in g2p_choices:
        raise InputError(
            f"--g2p is none or one of: {' '.join(filter(None, g2p_choices))}; not '{options.g2p}'"
        )
    try:
        TextCleaner(None if options.cleaner == "none" else options.cleaner)("")
    except Exception as error:  # an unknown one, or one whose package is missing or broken
        raise InputError(f"--cleaner {options.cleaner} cannot be used: {error}") from error


def _check_range(options: Options) -> None:
    first, last = options.stage, options.stop_stage
    if first > last:
        raise InputError(f"--stage {first} comes after --stop_stage {last}")
    if not 1 <= first <= len(STAGES):
        raise InputError(f"--stage is 1 to {len(STAGES)}, not {first}")
    for number in (first, last):
        if number in NOT_HERE:
            raise InputError(f"stage {number} ({STAGES[number - 1].title}) is not in this driver yet")
    if first >= 6 and last <= 8 and not options.use_lm:
        raise InputError(f"stage {first} ({STAGES[first - 1].title}) needs --use_lm true")
    if first == 14 and options.skip_packing:
        raise InputError("stage 14 (packing) needs --skip_packing false")


def _check_recipe(options: Options) -> None:
    if 1 in selected(options) and not os.access("local/data.sh", os.X_OK):
        raise InputError("local/data.sh is missing or not executable; run in a recipe's directory")
    options.words("local_data_opts")


def _check_devices(options: Options) -> None:
    if options.num_nodes > 1 and "run_jobs" in options.cuda_cmd:
        raise InputError(f"--num_nodes {options.num_nodes} needs slurm.pl or queue.pl as cuda_cmd in cmd.sh")
    if lacks_gpus(options.ngpu, options.cuda_cmd):
        raise InputError(f"--ngpu {options.ngpu} and this machine shows no GPU; use --ngpu 0")
