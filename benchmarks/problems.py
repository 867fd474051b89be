"""Seeded batches of fused Gromov-Wasserstein problems shaped as in speech: frames against tokens."""

from typing import NamedTuple

import torch
from torch import Tensor

from espnet_gmot.errors import InputError
from espnet_gmot.ot import cosine_edge_cost, cosine_node_cost

DIMENSION = 256
COMMON = 0.7  # length of the component that all tokens share, relative to their own: BERT is anisotropic
NOISE = 1.0  # of a frame around its token, relative to the token's own component, before smoothing
MOST_SILENCE = 0.1  # share of the frames that may be silent at either edge


class Kind(NamedTuple):
    """How much a frame tells of its token: the encoder's training makes it more.

    Attributes:
        signal: Length of the token in its frames, relative to the token.
        pure_noise: Share of the frames that are noise alone.
        neighbour: Weight of either neighbour in a frame's smoothing.
    """

    signal: float
    pure_noise: float
    neighbour: float


KINDS = {
    "early": Kind(signal=0.5, pure_noise=0.5, neighbour=0.0),
    "middle": Kind(signal=0.75, pure_noise=0.25, neighbour=0.125),
    "late": Kind(signal=1.0, pure_noise=0.0, neighbour=0.25),
}


class Shape(NamedTuple):
    """Size of a batch: problems, frames at most and tokens at most.

    Example:
        >>> str(Shape.parse("32x160x20"))
        '32×160×20'
    """

    batch: int
    frames: int
    tokens: int

    @classmethod
    def parse(cls, text: str) -> "Shape":
        """Read ``BATCHxFRAMESxTOKENS``.

        Raises:
            InputError: These are not three numbers, the last two at least 2.
        """
        try:
            shape = cls(*(int(part) for part in text.lower().split("x")))
        except (TypeError, ValueError):
            shape = cls(0, 0, 0)
        if shape.batch < 1 or shape.frames < 2 or shape.tokens < 2:
            raise InputError(f"shape must be BATCHxFRAMESxTOKENS, such as 32x160x20, got {text!r}")
        return shape

    def __str__(self) -> str:
        return "×".join(str(size) for size in self)


SPEECH_SHAPES = (Shape(32, 160, 20), Shape(64, 250, 30), Shape(8, 400, 50), Shape(1, 1500, 120))


class Batch(NamedTuple):
    """A padded batch, in the order of ``fused_gromov_wasserstein``'s first arguments.

    Attributes:
        D: Node cost (batch, T, N), float32.
        A: Edge cost among frames (batch, T, T).
        B: Edge cost among tokens (batch, N, N).
        lengths_a: Valid frames (batch,).
        lengths_b: Valid tokens (batch,).
    """

    D: Tensor
    A: Tensor
    B: Tensor
    lengths_a: Tensor
    lengths_b: Tensor

    def to(self, device: str) -> "Batch":
        """Copy the batch to a device."""
        return Batch(*(part.to(device) for part in self))

    def marginals(self) -> tuple[Tensor, Tensor]:
        """Uniform weights of frames (batch, T) and tokens (batch, N), float64, zero on padding."""
        weights = []
        for lengths, size in ((self.lengths_a, self.D.shape[1]), (self.lengths_b, self.D.shape[2])):
            valid = torch.arange(size, device=lengths.device) < lengths[:, None]
            weights.append(valid.double() / lengths[:, None])
        return weights[0], weights[1]

    def singles(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        """The costs of each problem by itself: (t, n), (t, t) and (n, n), in float64, without padding."""
        costs = []
        for D, A, B, t, n in zip(*self, strict=True):
            costs.append((D[:t, :n].double(), A[:t, :t].double(), B[:n, :n].double()))
        return costs


def speech_batch(shape: Shape, ragged: bool = True, seed: int = 0, kind: str = "late") -> Batch:
    """Make a batch of utterances: each frame is a noisy copy of the token spoken in it.

    A token is a random direction plus a component common to all. The frames of an utterance are cut at random
    places into as many segments as it has tokens; a frame is its token plus noise, smoothed over its
    neighbours; some frames at both edges are silence, a vector of their own. Costs are cosine distances. Of
    the kinds ``"early"`` and ``"middle"`` frames have less of their token, some of them nothing.

    Args:
        shape: Number of problems and padded sizes.
        ragged: Frames are drawn from half to full size, tokens in proportion, and the first problem is full;
            otherwise all problems are full.
        seed: Of all random numbers; the same seed gives the same batch.
        kind: One of ``KINDS``.

    Returns:
        The batch; padding holds the costs of zero vectors.
    """
    random = torch.Generator().manual_seed(seed)
    lengths_a = torch.full((shape.batch,), shape.frames)
    if ragged:
        lengths_a[1:] = torch.randint(
            shape.frames // 2, shape.frames + 1, (shape.batch - 1,), generator=random
        )
    lengths_b = (lengths_a * shape.tokens / shape.frames).round().long().clamp_min(2)

    common, silence = (
        COMMON * torch.randn(DIMENSION, generator=random),
        torch.randn(DIMENSION, generator=random),
    )
    X = torch.zeros(shape.batch, shape.frames, DIMENSION)
    Z = torch.zeros(shape.batch, shape.tokens, DIMENSION)
    for x, z, t, n in zip(X, Z, lengths_a.tolist(), lengths_b.tolist(), strict=True):
        z[:n] = common + torch.randn(n, DIMENSION, generator=random)
        x[:t] = _frames(z[:n], silence, t, KINDS[kind], random)
    return Batch(cosine_node_cost(X, Z), cosine_edge_cost(X), cosine_edge_cost(Z), lengths_a, lengths_b)


def _frames(tokens: Tensor, silence: Tensor, n_frames: int, kind: Kind, random: torch.Generator) -> Tensor:
    """Speak tokens (n, d) for ``n_frames`` frames (t, d)."""
    frame = torch.arange(n_frames)
    left, right = (MOST_SILENCE * n_frames * torch.rand(2, generator=random)).long().tolist()
    cuts = torch.rand(len(tokens) - 1, generator=random).sort().values * (n_frames - left - right)
    clean = tokens[torch.searchsorted(cuts, (frame - left).float(), right=True)]
    clean[(frame < left) | (frame >= n_frames - right)] = silence
    if kind.pure_noise:  # "late" draws nothing here: its batches stay those of earlier pages
        clean[torch.randperm(n_frames, generator=random)[: round(kind.pure_noise * n_frames)]] = 0
    noisy = kind.signal * clean + NOISE * torch.randn(clean.shape, generator=random)
    side = kind.neighbour
    kernel = torch.tensor([side, 1 - 2 * side, side])[None, None]  # (1, 1, 3)
    return torch.nn.functional.conv1d(noisy.mT[:, None], kernel, padding="same")[:, 0].mT
