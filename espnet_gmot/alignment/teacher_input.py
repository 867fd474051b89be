"""From what the preprocessor gives to the teacher's embeddings, and that they are of the right teacher."""

from typing import NamedTuple

import torch

from espnet_gmot.alignment.options import AlignmentOptions
from espnet_gmot.alignment.projection import TeacherProjection
from espnet_gmot.errors import InputError
from espnet_gmot.teacher.coverage import Coverage, unknown_ids
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.identity import reading_number
from espnet_gmot.teacher.reading import PLAIN, READINGS
from espnet_gmot.teacher.tokenizer import load_tokenizer, tokenizer_number

JUDGED_TOKENS = 1000  # a batch of fillers alone, which a good teacher may not know, is smaller


class TeacherRows(NamedTuple):
    """The teacher's side of a padded batch.

    Attributes:
        embeddings: of each row, a token or a character (batch, N, d_l).
        lengths: valid rows (batch,).
        is_text: rows of the text, false for special tokens and padding (batch, N).
    """

    embeddings: torch.Tensor
    lengths: torch.Tensor
    is_text: torch.Tensor


class TeacherInput:
    """The teacher's side of a model: embeddings from a cache, or a frozen teacher that makes them.

    It is no module, and the teacher in it is loaded at the first batch of token ids: it is in no checkpoint,
    optimizer or DDP bucket.

    Args:
        options: the alignment options.
        project: the projection whose teacher must be this one; None where nothing is projected.
    """

    def __init__(self, options: AlignmentOptions, project: TeacherProjection | None):
        self.options = options
        self._project = project
        self._teacher: FrozenTeacher | None = None
        self._checked = False
        self._coverage: Coverage | None = None  # until it is judged
        self._reading = PLAIN

    def check(
        self,
        teacher: torch.Tensor,
        rows: torch.Tensor,
        identity: torch.Tensor | None,
        training: bool = True,
    ) -> None:
        """Refuse embeddings or token ids of another teacher than the model's; the first call alone looks.

        Of token ids the first calls also count the unknown ones. They are judged after ``JUDGED_TOKENS``, or
        where validation begins: a small corpus has been seen whole by then.

        Args:
            teacher: what the preprocessor gives, token ids (batch, M), padded with −1, or embeddings
                (batch, N, d_l).
            rows: which of the tokens are rows of the text (batch, N, 3); see :meth:`rows`.
            identity: number of the cached teacher, or of the ids' vocabulary and of how they are read, and
                that of the projection whose coordinates are given, or 0 (batch, 2); None where the
                preprocessor does not say.
            training: whether this is a batch of training, not of validation.

        Raises:
            InputError: the teacher is another, or most tokens are unknown to it.
        """
        if identity is not None and not self._checked:
            self._checked = True
            number, projection = identity[0].tolist()
            self._check_identity(teacher, number)
            if projection:
                self._take_coordinates(projection, teacher.size(-1))
        if self._coverage is not None:
            first = rows[..., 0].clamp(min=0)  # (batch, N)
            self._coverage.count(teacher.take_along_dim(first, 1)[rows[..., 2] == 1].cpu().numpy())
            if self._coverage.tokens >= JUDGED_TOKENS or not training:
                self._coverage.judge()
                self._coverage = None

    def rows(self, teacher: torch.Tensor, lengths: torch.Tensor, rows: torch.Tensor) -> TeacherRows:
        """Return the rows that are aligned: ``teacher`` itself, or what the teacher makes of its ids.

        Args:
            teacher: token ids (batch, M) or embeddings (batch, N, d_l).
            lengths: tokens, special ones included (batch,).
            rows: (batch, N, 3), −1 on padding; rows[b, n] is the mean of tokens rows[b, n, 0] to
                rows[b, n, 1] − 1, and of the text where rows[b, n, 2] is 1.

        Raises:
            InputError: token ids, and ``model_conf`` names no teacher, or not the projection's.
        """
        embeddings = teacher
        if not teacher.is_floating_point():
            embeddings = self._loaded().encode_rows(teacher, lengths, rows)  # (batch, N, d_l)
        return TeacherRows(embeddings, (rows[..., 2] >= 0).sum(1), rows[..., 2] == 1)

    def _loaded(self) -> FrozenTeacher:
        """The teacher that ``model_conf`` names, loaded once and held against the projection."""
        if self._teacher is None:
            options = self.options
            if options.teacher is None:
                raise InputError(
                    "the preprocessor gives the teacher's token ids, but model_conf names no teacher; set "
                    "model_conf: teacher to the same name or directory as preprocessor_conf: teacher"
                )
            teacher = FrozenTeacher.load(options.teacher, options.teacher_layer, options.allow_download)
            identity = teacher.identity(self._reading)
            self._require_projections(identity.number, str(identity))
            self._teacher = teacher
        return self._teacher

    def _check_identity(self, teacher: torch.Tensor, number: int) -> None:
        options = self.options
        if teacher.is_floating_point():
            if options.teacher is not None:
                raise InputError(
                    f"model_conf: teacher is {options.teacher}, but the preprocessor gives embeddings from "
                    "its teacher_cache; leave out one of them"
                )
            self._require_projections(number, "that of preprocessor_conf: teacher_cache")
        elif options.teacher is not None:
            tokenizer = load_tokenizer(options.teacher, options.allow_download)
            own = tokenizer_number(tokenizer)
            found = [reading for reading in READINGS if reading_number(own, reading) == number]
            if not found:
                raise InputError(
                    f"model_conf: teacher {options.teacher} has another vocabulary than preprocessor_conf: "
                    "teacher; name the same one in both"
                )
            (self._reading,) = found
            self._coverage = Coverage(options.teacher, unknown_ids(tokenizer))

    def _take_coordinates(self, number: int, size: int) -> None:
        if self._project is None:
            raise InputError(
                "preprocessor_conf: teacher_cache holds coordinates in a projection, which model_conf: "
                "projected_side acoustic does without; make a cache without --projected_size"
            )
        self._project.take_coordinates(number, size)

    def _require_projections(self, number: int, called: str) -> None:
        if self._project is not None:
            self._project.require_teacher(number, called)
