"""From what the preprocessor gives to the teacher's embeddings, and that they are of the right teacher."""

import torch

from espnet_gmot.alignment.options import AlignmentOptions
from espnet_gmot.alignment.projection import TeacherProjection
from espnet_gmot.errors import InputError
from espnet_gmot.teacher.coverage import Coverage, unknown_ids
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.tokenizer import load_tokenizer, tokenizer_number

JUDGED_TOKENS = 1000  # a batch of fillers alone, which a good teacher may not know, is smaller


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

    def check(self, teacher: torch.Tensor, identity: torch.Tensor | None, training: bool = True) -> None:
        """Refuse embeddings or token ids of another teacher than the model's; the first call alone looks.

        Of token ids the first calls also count the unknown ones. They are judged after ``JUDGED_TOKENS``, or
        where validation begins: a small corpus has been seen whole by then.

        Args:
            teacher: what the preprocessor gives, token ids (batch, N), padded with −1, or embeddings
                (batch, N, d_l).
            identity: number of the cached teacher, or of the ids' vocabulary (batch, 1); None where the
                preprocessor does not say.
            training: whether this is a batch of training, not of validation.

        Raises:
            InputError: the teacher is another, or most tokens are unknown to it.
        """
        if identity is not None and not self._checked:
            self._checked = True
            self._check_identity(teacher, int(identity[0]))
        if self._coverage is not None:
            self._coverage.count(teacher[:, 1:-1][teacher[:, 2:] >= 0].cpu().numpy())  # no special tokens
            if self._coverage.tokens >= JUDGED_TOKENS or not training:
                self._coverage.judge()
                self._coverage = None

    def embeddings(self, teacher: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return embeddings (batch, N, d_l): ``teacher`` itself, or what the teacher makes of its ids.

        Args:
            teacher: token ids (batch, N) or embeddings (batch, N, d_l).
            lengths: tokens with both special ones (batch,).

        Raises:
            InputError: token ids, and ``model_conf`` names no teacher, or not the projection's.
        """
        if teacher.is_floating_point():
            return teacher
        if self._teacher is None:
            options = self.options
            if options.teacher is None:
                raise InputError(
                    "the preprocessor gives the teacher's token ids, but model_conf names no teacher; set "
                    "model_conf: teacher to the same name or directory as preprocessor_conf: teacher"
                )
            self._teacher = FrozenTeacher.load(options.teacher, options.teacher_layer, options.allow_download)
            identity = self._teacher.identity()
            self._require_projections(identity.number, str(identity))
        return self._teacher.encode(teacher, lengths)

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
            if tokenizer_number(tokenizer) != number:
                raise InputError(
                    f"model_conf: teacher {options.teacher} has another vocabulary than preprocessor_conf: "
                    "teacher; name the same one in both"
                )
            self._coverage = Coverage(options.teacher, unknown_ids(tokenizer))

    def _require_projections(self, number: int, called: str) -> None:
        if self._project is not None:
            self._project.require_teacher(number, called)
