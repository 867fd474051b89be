"""How anything is loaded through ``transformers``: locally unless downloading is asked for, and quietly."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from packaging.version import Version

from espnet_gmot.errors import InputError


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
    transformers = import_transformers()
    from safetensors import SafetensorError  # comes with transformers

    with quiet():
        try:
            return getattr(transformers, auto_class).from_pretrained(
                name_or_dir, local_files_only=not allow_download, **options
            )
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise InputError(_why_not_loaded(name_or_dir, allow_download, error)) from error


def from_config(auto_class: str, name_or_dir: str, allow_download: bool, **options: Any) -> Any:
    """Call ``transformers.<auto_class>.from_config``: a teacher's architecture with weights drawn at random.

    Args and Raises: as those of `from_pretrained`, whose ``config.json`` is all that is read.
    """
    config = from_pretrained("AutoConfig", name_or_dir, allow_download)
    with quiet():
        return getattr(import_transformers(), auto_class).from_config(config, **options)


def in_float32() -> dict[str, torch.dtype]:
    """The option of `from_pretrained` and `from_config` for float32, which transformers renamed in 4.56."""
    old = Version(import_transformers().__version__) < Version("4.56")
    return {"torch_dtype" if old else "dtype": torch.float32}


def _why_not_loaded(name_or_dir: str, allow_download: bool, error: Exception) -> str:
    if Path(name_or_dir).is_dir():
        return (
            f"teacher directory {name_or_dir} cannot be loaded ({_first_line(error)}); give a directory "
            "written by transformers' save_pretrained, with config.json, model.safetensors and tokenizer.json"
        )
    if allow_download:
        return (
            f"teacher {name_or_dir} can be neither found nor downloaded ({_first_line(error)}); "
            "check the name and the network, or give a local directory"
        )
    return (
        f"teacher {name_or_dir} is not on this machine: neither a directory nor a model downloaded before; "
        "give a local directory, or allow downloading (--allow_download true; in a training's YAML "
        "allow_download: true in model_conf and in preprocessor_conf)"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def quiet() -> Iterator[None]:
    """Hide the report on heads that the teacher does not use, and the bars of what takes a second."""
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
