"""ESPnet's preprocessor plus the teacher's input, made in the data-loader worker."""

import logging
from typing import Any

import numpy as np
from espnet2.train.preprocessor import CommonPreprocessor

from espnet_gmot.data.kaldi_text import plain_spaces
from espnet_gmot.errors import InputError
from espnet_gmot.teacher.cache import TeacherCache
from espnet_gmot.teacher.identity import reading_number
from espnet_gmot.teacher.reading import NONE, PLAIN, Reading
from espnet_gmot.teacher.token_spans import tokenizer_of_cache
from espnet_gmot.teacher.tokenizer import load_tokenizer, tokenizer_number
from espnet_gmot.teacher.transcript import (
    Row,
    labelled_rows,
    one_to_one,
    read_transcript,
    require_characters,
)


class GMOTPreprocessor(CommonPreprocessor):
    """Add ``teacher`` to each utterance: token ids, or embeddings from a cache.

    The raw transcript becomes the teacher's token ids (M,), special tokens included, or, with
    ``teacher_cache``, its embeddings (N, d_l). Beside it come ``teacher_rows`` (N, 3), which tokens make a
    row and which rows are of the text (`TeacherText.rows`), and ``teacher_identity`` (2,), by which the model
    sees that they are its own: a hash of the tokenizer's vocabulary or of the cached teacher, and the number
    of the projection whose coordinates a cache holds, 0 for the embeddings themselves. Nothing is loaded
    until a transcript comes, so decoding needs neither the teacher nor ``transformers``; for training it is
    loaded at once, so that a missing teacher is refused before the first epoch.

    Args:
        train: whether the utterances are for training.
        teacher: Hugging Face name or local directory of the teacher; the model's ``teacher``.
        teacher_cache: directory made by ``espnet_gmot.bin.cache_teacher``.
        allow_download: whether the model hub may be asked for the tokenizer.
        teacher_context: what ``teacher`` sees beside the transcript, and
        teacher_pool: which of its vectors become one: as in `Reading`. A cache has its own.
        kwargs: ESPnet's own preprocessor options.

    Raises:
        InputError: none or both of ``teacher`` and ``teacher_cache`` are given, or they are unusable; or a
            reading that is unknown, or is given beside a cache.
    """

    def __init__(
        self,
        train: bool,
        teacher: str | None = None,
        teacher_cache: str | None = None,
        allow_download: bool = False,
        teacher_context: str = NONE,
        teacher_pool: str = NONE,
        **kwargs: Any,
    ):
        super().__init__(train=train, **kwargs)
        if (teacher is None) == (teacher_cache is None):
            raise InputError(
                "preprocessor_conf: give either teacher (a name or directory; the model runs it) or "
                "teacher_cache (a directory made by espnet_gmot.bin.cache_teacher)"
            )
        self.reading = Reading(teacher_context, teacher_pool)
        if teacher_cache is not None and self.reading != PLAIN:
            raise InputError(
                "preprocessor_conf: teacher_context and teacher_pool are for a teacher that the model runs; "
                "a cache holds those chosen with --context and --pool of espnet_gmot.bin.cache_teacher"
            )
        self.teacher = teacher
        self.teacher_cache = teacher_cache
        self.allow_download = allow_download
        self._cache: TeacherCache | None = None
        self._tokenizer: Any = None
        self._identity: np.ndarray | None = None  # (2,)
        self._told_of_spaces = False
        if train:
            self._load_source()

    def __call__(self, uid: str, data: dict[str, str | np.ndarray]) -> dict[str, np.ndarray]:
        """Process one utterance; its transcript, where there is one, also becomes ``teacher``."""
        transcript = data.get(self.text_name)
        processed: dict[str, np.ndarray] = super().__call__(uid, data)
        if isinstance(transcript, str):
            self._tell_of_spaces(uid, transcript)
            processed["teacher"], processed["teacher_rows"] = self._teacher_input(uid, transcript)
            assert self._identity is not None  # the source is loaded by now
            processed["teacher_identity"] = self._identity
        return processed

    def labelled_rows(self, transcript: str) -> list[Row]:
        """Return the rows of a transcript with their labels, as ``teacher_rows`` has them.

        The tokenizer of a cache is that of the teacher that it was made with.

        Raises:
            InputError: the teacher is not on this machine, or not the cache's any more.
        """
        if self._identity is None:
            self._load_source()
        if self._tokenizer is None and self._cache is not None:
            self._tokenizer = tokenizer_of_cache(self._cache.meta)
        return labelled_rows(self._tokenizer, transcript, self.reading)

    def _load_source(self) -> None:
        if self.teacher_cache is not None:
            self._cache = TeacherCache(self.teacher_cache)
            self.reading = self._cache.meta.identity.reading
            self._identity = np.array([self._cache.meta.identity.number, self._cache.meta.projection])
        elif self.teacher is not None:
            self._tokenizer = load_tokenizer(self.teacher, self.allow_download)
            require_characters(self._tokenizer, self.reading)
            self._identity = np.array([reading_number(tokenizer_number(self._tokenizer), self.reading), 0])

    def _tell_of_spaces(self, uid: str, transcript: str) -> None:
        """Warn once of white space that ESPnet's tokenizer takes for characters, but the teacher does not."""
        if self._told_of_spaces or transcript == plain_spaces(transcript):
            return
        self._told_of_spaces = True
        logging.warning(
            "utterance %s has white space other than single plain spaces in its transcript (more may have): "
            "ESPnet trains on it as characters, of which its token list has the plain space "
            "alone; write plain spaces in the set's text before stage 3",
            uid,
        )

    def _teacher_input(self, uid: str, transcript: str) -> tuple[np.ndarray, np.ndarray]:
        if not transcript.strip():
            raise InputError(f"utterance {uid} has an empty transcript; remove it (stage 4 of asr.sh does)")
        if self._identity is None:
            self._load_source()
        if self._cache is not None:
            embeddings, is_text = self._cache.entry(transcript, uid)
            return embeddings, one_to_one(is_text)
        return read_transcript(self._tokenizer, transcript, self.reading, uid)
