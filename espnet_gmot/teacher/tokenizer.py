"""The teacher's tokenizer: raw transcript to token ids, in data-loader workers and in the commands."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.hub import from_pretrained
from espnet_gmot.teacher.identity import number_of

TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
UNSET_LENGTH = 10**6  # transformers writes 10^30 where a tokenizer does not know the model's limit


def load_tokenizer(name_or_dir: str, allow_download: bool = False) -> Any:
    """Load the tokenizer of a teacher and check that it frames a text as the alignment expects.

    Args:
        name_or_dir: a local directory, or a model's name on the Hugging Face hub.
        allow_download: fetch it from the hub if it is not on this machine.

    Returns:
        A Hugging Face tokenizer, which pickles and survives fork; ``model_max_length`` is the model's
        limit in tokens.

    Raises:
        InputError: a directory without tokenizer files, a teacher that is not on this machine, or one
            that does not put exactly one special token on each side of the text (as BERT's
            ``[CLS] … [SEP]``).
    """
    directory = Path(name_or_dir)
    if directory.is_dir() and not any(any(directory.glob(pattern)) for pattern in TOKENIZER_FILES):
        raise InputError(
            f"teacher directory {name_or_dir} has no tokenizer (none of {', '.join(TOKENIZER_FILES)}); "
            "copy the tokenizer files into it, or give a directory that holds model and tokenizer"
        )
    tokenizer = from_pretrained("AutoTokenizer", name_or_dir, allow_download)
    _check_frame(tokenizer, name_or_dir)
    if tokenizer.model_max_length > UNSET_LENGTH:
        config = from_pretrained("AutoConfig", name_or_dir, allow_download)
        tokenizer.model_max_length = getattr(config, "max_position_embeddings", UNSET_LENGTH)
    return tokenizer


def teacher_ids(tokenizer: Any, text: str, utt_id: str | None = None) -> np.ndarray:
    """Return the teacher's token ids of a raw transcript, both special tokens included.

    Args:
        tokenizer: what `load_tokenizer` returned.
        text: the transcript as it stands in the Kaldi ``text`` file; outer white space does not count.
        utt_id: named in the error message.

    Returns:
        (N,) int64, N = 2 + number of the text's tokens.

    Raises:
        InputError: the transcript is empty, or too long for the teacher.
    """
    ids = np.array(encode_transcript(tokenizer, text)["input_ids"], dtype=np.int64)  # (N,)
    where = f"utterance {utt_id}" if utt_id else f"transcript {text[:30]!r}"
    if len(ids) <= 2:
        raise InputError(f"{where} has no text for the teacher; remove it from the data directory")
    if len(ids) > tokenizer.model_max_length:
        raise InputError(
            f"{where} has {len(ids)} teacher tokens and the teacher takes {tokenizer.model_max_length}; "
            "split or remove this utterance, or choose a teacher for longer texts"
        )
    return ids


def encode_transcript(tokenizer: Any, text: str, **options: Any) -> Any:
    """Call the tokenizer on a raw transcript; outer white space does not count.

    Args:
        tokenizer: what `load_tokenizer` returned.
        text: the transcript.
        options: of the tokenizer's call, such as ``return_offsets_mapping``.
    """
    return tokenizer(text.strip(), verbose=False, **options)


def vocabulary_number(tokenizer: Any) -> int:
    """Hash the vocabulary: token ids mean the same to two teachers only where their numbers are equal."""
    return number_of(json.dumps(sorted(tokenizer.get_vocab().items())))


def _check_frame(tokenizer: Any, name_or_dir: str) -> None:
    probe = "a"
    framed = tokenizer(probe)["input_ids"]
    plain = tokenizer(probe, add_special_tokens=False)["input_ids"]
    if len(framed) != len(plain) + 2 or framed[1:-1] != plain:
        raise InputError(
            f"teacher {name_or_dir} does not put one special token before and one after the text; "
            "choose a BERT-like teacher, whose tokenizer gives [CLS] text [SEP]"
        )
