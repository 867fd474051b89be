"""The teacher's tokenizer: raw transcript to token ids, in data-loader workers and in the commands."""

import json
import sys
from pathlib import Path
from typing import Any

from espnet_gmot.data.kaldi_text import plain_spaces
from espnet_gmot.errors import InputError
from espnet_gmot.teacher.architecture import Limits, read_limits
from espnet_gmot.teacher.coverage import unknown_ids
from espnet_gmot.teacher.hub import (
    TOKENIZER_FILES,
    fetch_from_git_lfs,
    first_line,
    from_pretrained,
    git_lfs_pointers,
)
from espnet_gmot.teacher.identity import number_of

UNKNOWN_CURE = (
    "choose a teacher whose tokenizer has a token for what it does not know, or falls back to bytes"
)
# What tokenizers treat differently: case, accents, widths
ODD_TEXT = "今天 Tokens naïve İ ＡＢ１２3 co-op 한글 體"
RARE_LETTER = "\U00010380"  # of Ugaritic: hardly in any vocabulary


def load_tokenizer(name_or_dir: str, allow_download: bool = False) -> Any:
    """Load the tokenizer of a teacher and check that it fits the model and the alignment.

    Args:
        name_or_dir: a local directory, or a model's name on the Hugging Face hub.
        allow_download: fetch it from the hub if it is not on this machine.

    Returns:
        A Hugging Face tokenizer, which pickles and survives fork; ``model_max_length`` is the tokenizer's
        or the model's limit in tokens, whichever is smaller.

    Raises:
        InputError: a directory without tokenizer files, a teacher that is not on this machine, one whose
            tokenizer gives ids that the model has no embedding for, or does not tell special tokens from
            text.
    """
    _require_files(name_or_dir)
    tokenizer = from_pretrained("AutoTokenizer", name_or_dir, allow_download)
    _check_special_tokens(tokenizer, name_or_dir)
    _check_leaves_nothing_out(tokenizer, name_or_dir)
    limits = read_limits(name_or_dir, allow_download)
    _check_ids(tokenizer, limits, name_or_dir)
    tokenizer.model_max_length = min(tokenizer.model_max_length, limits.positions or sys.maxsize)
    return tokenizer


def encode_transcript(tokenizer: Any, text: str, **options: Any) -> Any:
    """Call the tokenizer on a raw transcript with plain spaces (see `plain_spaces`).

    Args:
        tokenizer: what `load_tokenizer` returned.
        text: the transcript.
        options: of the tokenizer's call, such as ``return_offsets_mapping``.
    """
    return tokenizer(plain_spaces(text), verbose=False, **options)


def tokenizer_number(tokenizer: Any) -> int:
    """Hash what decides a text's token ids: the vocabulary, and how odd texts of its characters are split.

    Two teachers read a text alike only where their numbers are equal.
    """
    vocabulary = sorted(tokenizer.get_vocab().items())
    characters = sorted(set("".join(token for token, _ in vocabulary)))
    texts = (ODD_TEXT, "".join(characters), " ".join(characters).upper())
    return number_of(
        json.dumps([vocabulary, [tokenizer(text, verbose=False)["input_ids"] for text in texts]])
    )


def _require_files(name_or_dir: str) -> None:
    """Refuse a directory without a tokenizer, and a pointer that would be a vocabulary of three lines."""
    directory = Path(name_or_dir)
    if not directory.is_dir():
        return
    if not any(any(directory.glob(pattern)) for pattern in TOKENIZER_FILES):
        raise InputError(
            f"teacher directory {name_or_dir} has no tokenizer (none of {', '.join(TOKENIZER_FILES)}); "
            "copy the tokenizer files into it, or give a directory that holds model and tokenizer"
        )
    pointers = git_lfs_pointers(directory, TOKENIZER_FILES)
    if pointers and ("tokenizer.json" in pointers or not (directory / "tokenizer.json").exists()):
        raise InputError(fetch_from_git_lfs(directory, pointers))


def _check_special_tokens(tokenizer: Any, name_or_dir: str) -> None:
    """Refuse a tokenizer whose special tokens, by its own account, are not what it adds to a text."""
    found = _probe(tokenizer, "a", name_or_dir, return_special_tokens_mask=True)
    marked = zip(found["input_ids"], found["special_tokens_mask"], strict=True)
    plain = _probe(tokenizer, "a", name_or_dir, add_special_tokens=False)["input_ids"]
    if [token for token, is_special in marked if not is_special] != plain:
        raise InputError(
            f"teacher {name_or_dir} has a tokenizer that does not tell its special tokens from those of the "
            "text (special_tokens_mask); take its fast tokenizer (tokenizer.json), or another teacher"
        )


def _check_leaves_nothing_out(tokenizer: Any, name_or_dir: str) -> None:
    """Refuse a tokenizer that passes over what it does not know, as byte-pair encoding without [UNK] does."""
    if (
        not unknown_ids(tokenizer)
        and not _probe(tokenizer, RARE_LETTER, name_or_dir, add_special_tokens=False)["input_ids"]
    ):
        raise InputError(
            f"teacher {name_or_dir} has a tokenizer that leaves out characters that it does not know; "
            f"{UNKNOWN_CURE}"
        )


def _check_ids(tokenizer: Any, limits: Limits, name_or_dir: str) -> None:
    token, largest = max(tokenizer.get_vocab().items(), key=lambda item: item[1])
    if largest >= limits.vocabulary:
        raise InputError(
            f"teacher {name_or_dir}: the tokenizer's ids go to {largest} ({token!r}) and the model has "
            f"{limits.vocabulary} embeddings, ids 0 to {limits.vocabulary - 1}; take the model's own "
            "tokenizer, or, where tokens were added, save the model after resize_token_embeddings"
        )
    token = tokenizer.convert_ids_to_tokens(limits.padding) if limits.padding is not None else None
    if token is not None and token not in tokenizer.all_special_tokens:
        raise InputError(
            f"teacher {name_or_dir}: config.json's pad_token_id {limits.padding} is the tokenizer's "
            f"{token!r}, and this token would have no position; write the id of the tokenizer's padding there"
        )


def _probe(tokenizer: Any, text: str, name_or_dir: str, **options: bool) -> Any:
    try:
        return tokenizer(text, **options)
    except Exception as error:  # tokenizers raises plain Exceptions
        raise InputError(
            f"teacher {name_or_dir} has a tokenizer that cannot read {text!r} ({first_line(error)}); "
            f"{UNKNOWN_CURE}"
        ) from error
