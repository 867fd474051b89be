"""Which characters of a transcript each of the teacher's tokens stands for, by its tokenizer's offsets."""

from itertools import accumulate
from typing import Any, NamedTuple, NoReturn

from espnet_gmot.data.kaldi_text import plain_spaces
from espnet_gmot.errors import InputError
from espnet_gmot.teacher.cache import CacheMeta
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.tokenizer import encode_transcript, load_tokenizer, tokenizer_number

# What SentencePiece and byte-level BPE write for a space. Before the first word there is none, and tokenizers
# then give the mark the offsets of the character behind it.
SPACE_MARKS = frozenset("▁Ġ")


class TeacherToken(NamedTuple):
    """A token of a transcript.

    Attributes:
        label: how a picture calls it: by its characters, with the unknown token behind characters that the
            teacher does not know; a token without characters by its own name, such as ``[CLS]`` or ``▁``.
        characters: which of the transcript's characters it stands for, where white space does not count;
            none for a special token or a space; None where the tokenizer does not tell.
    """

    label: str
    characters: range | None


def teacher_tokens(tokenizer: Any, text: str) -> list[TeacherToken]:
    """Return the teacher's tokens (N,) of a raw transcript, special tokens included.

    A token may stand for several characters, and several tokens for parts of one, as in byte-level BPE.

    Args:
        tokenizer: what `load_tokenizer` returned. One without offsets ("slow") gives names alone.
        text: the transcript; it is read with plain spaces.
    """
    text = plain_spaces(text)
    encoded = encode_transcript(tokenizer, text, return_offsets_mapping=tokenizer.is_fast)
    names = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    if not tokenizer.is_fast:
        return [TeacherToken(name, None) for name in names]
    places = list(accumulate((not char.isspace() for char in text), initial=0))  # of each character
    tokens = []
    for name, (start, end) in zip(names, encoded["offset_mapping"], strict=True):
        part = text[start:end].strip()
        if not part or (set(name) <= SPACE_MARKS and name != part):
            tokens.append(TeacherToken(name, range(0)))
        else:
            label = f"{part} {name}" if name == tokenizer.unk_token else part
            tokens.append(TeacherToken(label, range(places[start], places[end])))
    return tokens


def tokenizer_of_cache(meta: CacheMeta) -> Any:
    """Load the tokenizer of the teacher that a cache was made with, if it is on this machine.

    A cache does not hold it. That the teacher there is still the same is seen by its weights, and by the
    tokenizer's number unless an earlier version made the cache.

    Args:
        meta: of the cache.

    Raises:
        InputError: the teacher is not there, or it is another one now.
    """
    teacher = FrozenTeacher.load(meta.teacher, meta.layer, random_init=meta.random_init)
    if teacher.identity(meta.identity.reading).number != meta.identity.number:
        _refuse_other_teacher(meta, "weights are others")
    tokenizer = load_tokenizer(meta.teacher)
    if meta.tokenizer not in (None, tokenizer_number(tokenizer)):
        _refuse_other_teacher(meta, "tokenizer is another")
    return tokenizer


def _refuse_other_teacher(meta: CacheMeta, difference: str) -> NoReturn:
    raise InputError(
        f"teacher {meta.teacher} is not the one that the cache was made with: its {difference}; "
        "put that teacher back, or make the cache anew with espnet_gmot.bin.cache_teacher"
    )
