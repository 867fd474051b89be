"""A transcript as the teacher reads it: its token ids, and the rows, the vectors that come of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from espnet_gmot.data.kaldi_text import plain_spaces
from espnet_gmot.errors import InputError
from espnet_gmot.teacher.hub import first_line
from espnet_gmot.teacher.reading import CHARACTERS, PLAIN, REPEAT, Reading
from espnet_gmot.teacher.token_spans import TeacherToken, teacher_tokens
from espnet_gmot.teacher.tokenizer import UNKNOWN_CURE, encode_transcript

SEPARATOR = "\n"  # between the copies of a repeated text


class TeacherText(NamedTuple):
    """A transcript as the teacher reads it.

    Attributes:
        ids: token ids that the teacher reads (M,), int64.
        rows: what is aligned (N, 3), int64. Row n is the mean of the vectors of tokens rows[n, 0] to
            rows[n, 1] − 1; rows[n, 2] is 1 where it is of the text, 0 where it is a special token.
    """

    ids: np.ndarray
    rows: np.ndarray

    @property
    def is_text(self) -> np.ndarray:
        """Which rows are of the text (N,), bool."""
        return self.rows[:, 2] == 1

    @property
    def text_ids(self) -> np.ndarray:
        """Ids of the text's rows, the first of each (n,), without special tokens."""
        return self.ids[self.rows[self.is_text, 0]]


class Row(NamedTuple):
    """A row with its label: the mean of the vectors of tokens ``start`` to ``stop`` − 1."""

    token: TeacherToken
    start: int
    stop: int
    is_text: bool


def read_transcript(
    tokenizer: Any, text: str, reading: Reading = PLAIN, utt_id: str | None = None
) -> TeacherText:
    """Tokenise a raw transcript.

    Which tokens are special is what the tokenizer says, wherever they stand and however many they are.

    Args:
        tokenizer: what `load_tokenizer` returned.
        text: the transcript as it stands in the Kaldi ``text`` file; it is read with plain spaces.
        reading: what stands in front of the text, and what becomes a row (default: a row a token).
        utt_id: named in the error message.

    Raises:
        InputError: the transcript is empty, too long for the teacher, or of what its tokenizer cannot read;
            or rows are to be characters, and the tokenizer does not tell them.
    """
    where = f"utterance {utt_id}" if utt_id else f"transcript {text[:30]!r}"
    try:
        encoded = encode_transcript(tokenizer, text, return_special_tokens_mask=True)
    except Exception as error:  # tokenizers raises plain Exceptions
        raise InputError(
            f"{where} cannot be read by the teacher's tokenizer ({first_line(error)}); {UNKNOWN_CURE}"
        ) from error
    ids = np.array(encoded["input_ids"], dtype=np.int64)  # (M,)
    is_text = np.array(encoded["special_tokens_mask"]) == 0  # (M,)
    if not is_text.any():
        raise InputError(f"{where} has no text for the teacher; remove it from the data directory")
    if reading.pool == CHARACTERS:
        characters = _character_rows(tokenizer, text, is_text)
        if not any(row.is_text for row in characters):
            raise InputError(f"{where} has no character for the teacher; remove it from the data directory")
        rows = np.array([(row.start, row.stop, row.is_text) for row in characters], dtype=np.int64)  # (N, 3)
    else:
        rows = one_to_one(is_text)  # (M, 3)
    if reading.context == REPEAT:
        ids, rows = _repeated(tokenizer, ids, is_text, rows)
    if len(ids) > tokenizer.model_max_length:
        twice = ", the text twice," if reading.context == REPEAT else ""
        raise InputError(
            f"{where} has {len(ids)} teacher tokens{twice} and the teacher takes "
            f"{tokenizer.model_max_length}; split or remove this utterance, or choose a teacher for longer "
            "texts"
        )
    return TeacherText(ids, rows)


def one_to_one(is_text: np.ndarray) -> np.ndarray:
    """Return the rows (N, 3) where each token is one.

    Args:
        is_text: which tokens are of the text (N,).

    Example:
        >>> one_to_one(np.array([False, True])).tolist()
        [[0, 1, 0], [1, 2, 1]]
    """
    places = np.arange(len(is_text))
    return np.stack([places, places + 1, is_text], axis=1)  # (N, 3)


def teacher_ids(tokenizer: Any, text: str, utt_id: str | None = None) -> np.ndarray:
    """Return the token ids (M,) of a raw transcript alone, special tokens included; see `read_transcript`."""
    return read_transcript(tokenizer, text, utt_id=utt_id).ids


def labelled_rows(tokenizer: Any, text: str, reading: Reading) -> list[Row]:
    """Return the rows (N) that `read_transcript` gives, with their labels, of the text read once.

    Args:
        tokenizer: what `load_tokenizer` returned.
        text: the transcript.
        reading: what becomes a row.
    """
    is_text = read_transcript(tokenizer, text).is_text
    if reading.pool == CHARACTERS:
        return _character_rows(tokenizer, text, is_text)
    tokens = teacher_tokens(tokenizer, text)
    return [Row(token, n, n + 1, bool(is_text[n])) for n, token in enumerate(tokens)]


def require_characters(tokenizer: Any, reading: Reading) -> None:
    """Refuse to pool to characters with a tokenizer that does not tell them.

    Raises:
        InputError: it has no offsets.
    """
    if reading.pool == CHARACTERS and not tokenizer.is_fast:
        raise InputError(
            f"teacher {tokenizer.name_or_path} has a tokenizer that does not tell which characters a token "
            "stands for, so its tokens cannot be pooled to characters; choose a teacher with a fast "
            "tokenizer (tokenizer.json), or leave out pool: characters"
        )


def _character_rows(tokenizer: Any, text: str, is_text: Sequence[bool] | np.ndarray) -> list[Row]:
    """Make a row of each character, and of each special token where it stands.

    A mark of a space has no character, and gives no row. Nor does a character that the tokenizer leaves out.
    """
    require_characters(tokenizer, Reading(pool=CHARACTERS))
    characters = "".join(plain_spaces(text).split())
    unknown = f" {tokenizer.unk_token}"
    rows: list[Row] = []
    for place, token in enumerate(teacher_tokens(tokenizer, text)):
        if not is_text[place]:
            rows.append(Row(token, place, place + 1, False))
        for number in token.characters or ():
            only = range(number, number + 1)
            label = characters[number] + (unknown if token.label.endswith(unknown) else "")
            if rows and rows[-1].token.characters == only:  # a further piece of it
                rows[-1] = rows[-1]._replace(stop=place + 1)
            else:
                rows.append(Row(TeacherToken(label, only), place, place + 1, True))
    return rows


def _repeated(
    tokenizer: Any, ids: np.ndarray, is_text: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Put text and separator in front of the text, behind what special tokens precede it."""
    first, last = is_text.nonzero()[0][[0, -1]]
    front, body, behind = ids[:first], ids[first : last + 1], ids[last + 1 :]
    separator = tokenizer(SEPARATOR, add_special_tokens=False, verbose=False)["input_ids"]
    if tokenizer.unk_token_id in separator:
        separator = []
    moved = rows.copy()
    moved[rows[:, 0] >= first, :2] += len(body) + len(separator)  # to the second copy
    return np.concatenate([front, body, np.array(separator, dtype=np.int64), body, behind]), moved
