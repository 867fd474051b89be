"""The two ways to bring encoder frames and teacher tokens into one space."""

import logging

import torch
from torch import nn

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.projection import how_to_fit, load_projection

RANDOM = "random"  # what ``projection`` says in place of a file


class TeacherProjection:
    """Fixed affine map of teacher embeddings to the encoder's size: z ↦ W (z − μ).

    With a projection file μ is the mean of the embeddings that it was fitted on and the rows of W their
    first principal axes. With ``random`` μ is 0 and W a seeded random orthonormal map, which keeps cosines on
    average. Being fixed it cannot collapse the tokens onto one point. It is no module: it stays out of
    checkpoints, and it is read for training, never for decoding.

    Args:
        source: ``.npz`` made by ``espnet_gmot.bin.fit_projection``, or ``random``. None is for models that
            were trained when it meant ``random``: they are aligned as they were, and not trained on.
        output_size: the encoder's size d_a.
    """

    def __init__(self, source: str | None, output_size: int):
        self.path = None if source == RANDOM else source
        self.output_size = output_size
        self._named = source is not None
        self._is_done = False  # what comes are coordinates already
        self._map: tuple[torch.Tensor, torch.Tensor] | None = None  # μ (d_l,) and the columns of W (d_l, d_a)

    def require(self) -> None:
        """Refuse to train without a projection; with one in use this does nothing.

        Raises:
            InputError: none is named, or the file is missing or damaged; with the command that makes one.
        """
        if not self._named:
            raise InputError(
                "model_conf names no projection to bring the teacher's embeddings to the encoder's size; set "
                f"projection: exp/teacher/projection.npz and {how_to_fit('exp/teacher/projection.npz')}. "
                f"Trainings without one had a fixed random map, which is projection: {RANDOM} now"
            )
        if self.path is not None and self._map is None:
            load_projection(self.path)

    def __call__(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Project ``embeddings`` (batch, N, d_l) to (batch, N, d_a).

        Raises:
            InputError: the projection was fitted on embeddings of another size.
        """
        if self._is_done:
            return self._padded(embeddings[..., : self.output_size])  # (batch, N, d_a)
        mean, axes = self._map or self._load(embeddings.size(-1))
        if embeddings.size(-1) != axes.size(0):
            raise InputError(
                f"{self.path}: fitted on embeddings of size {axes.size(0)}, but the teacher's have "
                f"{embeddings.size(-1)}; fit it again with espnet_gmot.bin.fit_projection"
            )
        mean, axes = self._map = mean.to(embeddings), axes.to(embeddings)
        return (embeddings - mean) @ axes  # (batch, N, d_a)

    def require_teacher(self, number: int, called: str) -> None:
        """Refuse a projection that was fitted on the embeddings of another teacher or layer.

        Args:
            number: `TeacherIdentity.number` of the teacher in use.
            called: what the message calls it.

        Raises:
            InputError: the projection is another teacher's.
        """
        if self.path is None:
            return
        fitted = load_projection(self.path).teacher
        if fitted.number != number:
            raise InputError(
                f"model_conf: projection {self.path} was fitted on teacher {fitted}, which is not {called}; "
                "name the projection that belongs to it, or fit one with espnet_gmot.bin.fit_projection"
            )

    def take_coordinates(self, number: int, size: int) -> None:
        """Take coordinates in this projection from now on, which a cache holds in place of embeddings.

        Args:
            number: `Projection.number` of the one whose coordinates they are.
            size: how many there are of an embedding.

        Raises:
            InputError: it is another one, or they are too few.
        """
        fitted = None if self.path is None else load_projection(self.path)
        if fitted is None or fitted.number != number:
            raise InputError(
                f"model_conf: projection {self.path or RANDOM} is not the one whose coordinates "
                "preprocessor_conf: teacher_cache holds; name that one, or make a cache without "
                "--projected_size"
            )
        if size < min(self.output_size, len(fitted.components)):
            raise InputError(
                f"preprocessor_conf: teacher_cache holds {size} coordinates of an embedding, but the "
                f"encoder's size is {self.output_size}; make a cache with --projected_size {self.output_size}"
            )
        self._is_done = True

    def _padded(self, coordinates: torch.Tensor) -> torch.Tensor:
        """Fill up with zeros to the encoder's size."""
        return nn.functional.pad(coordinates, (0, self.output_size - coordinates.size(-1)))

    def _load(self, input_size: int) -> tuple[torch.Tensor, torch.Tensor]:
        if self.path is None:
            logging.info("a fixed random map brings the teacher's embeddings to the encoder's size")
            generator = torch.Generator().manual_seed(0)
            shape = (max(input_size, self.output_size), min(input_size, self.output_size))
            basis, _ = torch.linalg.qr(torch.randn(shape, generator=generator))
            return torch.zeros(input_size), basis if input_size >= self.output_size else basis.T
        fitted = load_projection(self.path)
        axes = torch.as_tensor(fitted.components, dtype=torch.float32)  # (d_l, d_l), an axis a row
        mean = torch.as_tensor(fitted.mean, dtype=torch.float32)
        return mean, self._padded(axes[: self.output_size].T)


class AcousticAdapter(nn.Module):
    """Learned lift of the encoder output to the teacher's size, with optional feedback.

    X = LN(W H + b) is aligned with the tokens, and H̃ = H + s · out(X) is what CTC and decoder see.

    Args:
        encoder_size: d_a.
        teacher_size: d_l.
        feedback: s; with 0 there is no ``out`` and H̃ = H.
    """

    def __init__(self, encoder_size: int, teacher_size: int, feedback: float):
        super().__init__()
        self.lift = nn.Sequential(nn.Linear(encoder_size, teacher_size), nn.LayerNorm(teacher_size))
        self.feedback = feedback
        self.out = nn.Linear(teacher_size, encoder_size) if feedback > 0 else None

    def forward(self, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return X (batch, T, d_l) and H̃ (batch, T, d_a) for H (batch, T, d_a)."""
        features = self.lift(hidden)  # (batch, T, d_l)
        if self.out is None:
            return features, hidden
        return features, hidden + self.feedback * self.out(features)
