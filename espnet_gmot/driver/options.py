"""The options of asr.sh as a stage gets them; names, defaults and meanings stand in asr.sh alone."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from espnet2.utils.types import str2bool

from espnet_gmot.errors import InputError


@dataclass(frozen=True)
class Options:
    """What ./asr.sh was called with, and the three commands of cmd.sh."""

    stage: int
    stop_stage: int
    skip_data_prep: bool
    skip_train: bool
    skip_eval: bool
    skip_packing: bool
    ngpu: int
    num_nodes: int
    nj: int
    inference_nj: int
    gpu_inference: bool
    dumpdir: str
    expdir: str
    python: str
    local_data_opts: str
    speed_perturb_factors: str
    feats_type: Literal["raw"]
    audio_format: Literal["wav", "flac", "flac.ark"]
    fs: str
    min_wav_duration: float
    max_wav_duration: float
    token_type: Literal["char", "word", "bpe", "hugging_face"]
    nbpe: int
    bpemode: Literal["unigram", "bpe"]
    bpe_train_text: str
    bpe_input_sentence_size: int
    bpe_nlsyms: str
    bpe_char_cover: float
    hugging_face_model_name_or_path: str
    use_lm: bool
    use_ngram: bool
    lm_tag: str
    lm_exp: str
    lm_stats_dir: str
    lm_config: str
    lm_args: str
    lm_fold_length: int
    lm_train_text: str
    lm_dev_text: str
    lm_test_text: str
    asr_tag: str
    asr_exp: str
    asr_stats_dir: str
    asr_config: str
    asr_args: str
    feats_normalize: Literal["global_mvn", "none"]
    asr_speech_fold_length: int
    asr_text_fold_length: int
    ctc_impossible: Literal["auto", "drop", "keep"]
    ctc_greedy: bool
    inference_tag: str
    inference_config: str
    inference_args: str
    inference_lm: str
    inference_asr_model: str
    train_set: str
    valid_set: str
    test_sets: str
    nlsyms_txt: str
    cleaner: str
    g2p: str
    lang: str
    train_cmd: str
    cuda_cmd: str
    decode_cmd: str

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> "Options":
        """Read ``--name value`` for every option.

        Raises:
            InputError: an option is missing, unknown, or has no value of its kind.
        """
        names = [argument.removeprefix("--") for argument in arguments[::2]]
        given = dict(zip(names, arguments[1::2], strict=False))
        kinds = get_type_hints(cls)
        if given.keys() != kinds.keys():
            wrong = ", ".join(f"--{name}" for name in sorted(given.keys() ^ kinds.keys()))
            raise InputError(f"missing or unknown: {wrong}; ./asr.sh hands over all options")
        return cls(**{name: _read(name, kinds[name], text) for name, text in given.items()})

    def words(self, name: str) -> list[str]:
        """Split the value of an option as a shell does: quotes keep blanks in a word.

        Raises:
            InputError: a quote is not closed.
        """
        return shell_words(name, getattr(self, name))


def shell_words(name: str, text: str) -> list[str]:
    """Do so with a text that is the value of option ``name``.

    Example:
        >>> shell_words("asr_args", "--max_epoch 3 --model_conf 'projection=my exp/p.npz'")
        ['--max_epoch', '3', '--model_conf', 'projection=my exp/p.npz']
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputError(f"--{name} {text} cannot be split into words: {error}; close the quote") from error


def _read(name: str, kind: Any, text: str) -> Any:
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise InputError(f"--{name} is one of: {' '.join(get_args(kind))}; not '{text}'")
        return text
    meaning, read = KINDS[kind]
    try:
        return read(text)
    except ValueError as error:
        raise InputError(f"--{name} is {meaning}, not '{text}'") from error


def _whole_number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(text)
    return int(text)


KINDS: dict[type, tuple[str, Callable[[str], Any]]] = {
    int: ("a whole number", _whole_number),
    float: ("a number", float),
    bool: ("true or false", str2bool),
    str: ("a text", str),
}
