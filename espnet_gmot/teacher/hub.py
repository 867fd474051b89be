"""How anything is loaded through ``transformers``: locally unless downloading is asked for, and quietly."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from packaging.version import Version

from espnet_gmot.errors import InputError

MODEL_FILES = ("config.json", "model*.safetensors", "pytorch_model*.bin")
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
GIT_LFS = b"version https://git-lfs"  # how a pointer begins


@dataclass(frozen=True)
class Differences:
    """How the weights in a model's files differ from those that its ``config.json`` asks for.

    Args:
        missing: names of weights that no file holds; transformers drew them at random.
        unexpected: names of weights in the files that the model has not.
        misshapen: names of weights of another shape, each with its shape in the files (None: transformers
            4.57 does not tell); drawn at random too.
    """

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: dict[str, tuple[int, ...] | None]


def import_transformers() -> ModuleType:
    """Import ``transformers`` only when a teacher is really used; decoding works without it.

    Raises:
        InputError: the package is not installed.
    """
    try:
        import transformers
    except ImportError as error:
        raise InputError(
            f"the teacher needs the package transformers ({error}); run: pip install transformers"
        ) from error
    return transformers


def from_pretrained(auto_class: str, name_or_dir: str, allow_download: bool, **options: Any) -> Any:
    """Call ``transformers.<auto_class>.from_pretrained`` and turn what fails into an InputError.

    Args:
        auto_class: ``AutoModel``, ``AutoTokenizer`` or ``AutoConfig``.
        name_or_dir: a local directory, or a model's name on the Hugging Face hub.
        allow_download: fetch from the hub what is not on this machine; otherwise no network is used.
        options: passed on.

    Raises:
        InputError: the teacher is not on this machine, or its files cannot be read.
    """
    auto = getattr(import_transformers(), auto_class)
    with quiet(), _loading(name_or_dir, allow_download):
        return auto.from_pretrained(name_or_dir, local_files_only=not allow_download, **options)


def model_from_pretrained(name_or_dir: str, allow_download: bool) -> tuple[Any, Differences]:
    """Load a model in float32, with what transformers found of its weights: the caller must judge that.

    Args and Raises: as those of `from_pretrained`.
    """
    model, found = from_pretrained(
        "AutoModel", name_or_dir, allow_download,
        output_loading_info=True, ignore_mismatched_sizes=True, **in_float32(),
    )  # fmt: skip
    own = set(model.state_dict())
    prefix = f"{model.base_model_prefix}."  # as 4.45 names what a model with a head lacks

    def named(name: str) -> str:
        return name if name in own else name.removeprefix(prefix)

    misshapen: dict[str, tuple[int, ...] | None] = {}
    for entry in found["mismatched_keys"]:
        name, shape = (entry, None) if isinstance(entry, str) else (entry[0], tuple(entry[1]))
        misshapen[named(name)] = shape
    missing, unexpected = (
        tuple(sorted(map(named, found[key]))) for key in ("missing_keys", "unexpected_keys")
    )
    return model, Differences(missing, unexpected, misshapen)


def from_config(auto_class: str, name_or_dir: str, allow_download: bool, **options: Any) -> Any:
    """Call ``transformers.<auto_class>.from_config``: a teacher's architecture with weights drawn at random.

    Args and Raises: as those of `from_pretrained`, whose ``config.json`` is all that is read.
    """
    config = from_pretrained("AutoConfig", name_or_dir, allow_download)
    with quiet(), _loading(name_or_dir, allow_download):
        return getattr(import_transformers(), auto_class).from_config(config, **options)


def in_float32() -> dict[str, torch.dtype]:
    """The option of `from_pretrained` and `from_config` for float32, which transformers renamed in 4.56."""
    old = Version(import_transformers().__version__) < Version("4.56")
    return {"torch_dtype" if old else "dtype": torch.float32}


def git_lfs_pointers(directory: Path, patterns: Iterable[str]) -> list[str]:
    """Return the names of the files in a directory that Git LFS has not fetched, in the patterns' order."""
    names = []
    for path in (path for pattern in patterns for path in sorted(directory.glob(pattern))):
        with path.open("rb") as stream:
            if stream.read(len(GIT_LFS)) == GIT_LFS:
                names.append(path.name)
    return names


def first_line(error: Exception) -> str:
    """Say in one line of at most 200 characters what an exception says, its kind where it says nothing."""
    kind = type(error).__name__
    line = f"{kind} {error}" if isinstance(error, KeyError) else (str(error).strip() or kind).splitlines()[0]
    return line if len(line) <= 200 else line[:199] + "…"


@contextmanager
def _loading(name_or_dir: str, allow_download: bool) -> Iterator[None]:
    """Turn what damaged files raise in transformers, torch, tokenizers or json into an InputError.

    That can be any exception: UnpicklingError, SafetensorError, KeyError, AssertionError, plain Exception.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(_why_not_loaded(name_or_dir, allow_download, error)) from error


def _why_not_loaded(name_or_dir: str, allow_download: bool, error: Exception) -> str:
    if "does not recognize this architecture" in str(error):
        return (
            f"teacher {name_or_dir} is of a family that transformers {import_transformers().__version__} "
            f"does not know ({first_line(error)}); give another teacher, or install a newer transformers if "
            "your ESPnet admits it: pip install --upgrade transformers"
        )
    if (directory := Path(name_or_dir)).is_dir():
        if pointers := git_lfs_pointers(directory, (*MODEL_FILES, *TOKENIZER_FILES)):
            return fetch_from_git_lfs(directory, pointers)
        if "TokenizersBackend" in str(error):  # the class of fast tokenizers since transformers 5
            return (
                f"teacher directory {name_or_dir} has a tokenizer that transformers 5 saved and transformers "
                f'{import_transformers().__version__} cannot read; run: pip install "transformers>=5", '
                "or save it with transformers 4"
            )
        return (
            f"teacher directory {name_or_dir} cannot be loaded ({first_line(error)}); copy it again if it is "
            "not whole, or give a directory written by transformers' save_pretrained, with config.json, "
            "model.safetensors and tokenizer.json"
        )
    if allow_download:
        return (
            f"teacher {name_or_dir} can be neither found nor downloaded ({first_line(error)}); "
            "check the name and the network, or give a local directory"
        )
    if isinstance(error, (OSError, ValueError)):  # what transformers raises for what was never downloaded
        return (
            f"teacher {name_or_dir} is not on this machine: neither a directory nor a model downloaded "
            "before; give a local directory, or allow downloading (--allow_download true; in a training's "
            "YAML allow_download: true in model_conf and in preprocessor_conf)"
        )
    return (
        f"teacher {name_or_dir}, downloaded before, cannot be loaded ({first_line(error)}); "
        "download it again, or give a local directory"
    )


def fetch_from_git_lfs(directory: Path, names: list[str]) -> str:
    """Say which files are mere pointers, and the cure: for messages."""
    return (
        f"teacher directory {directory} is not whole: {', '.join(names)} is a Git LFS pointer in place of "
        "the file; run git lfs pull there, or download the file itself"
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Hide the report on weights, which `load_encoder` judges, and the bars of what takes a second."""
    logging = import_transformers().utils.logging
    verbosity, had_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if had_bar:
            logging.enable_progress_bar()
