"""A batch after the encoder, and a model to which it is encoded already."""

from typing import Any, NamedTuple

import torch

# What ESPnet's encoders give (batch, T, d_a), with (number, output) of lower blocks if they give these too.
EncoderOutput = torch.Tensor | tuple[torch.Tensor, list[tuple[int, torch.Tensor]]]


class Encoded(NamedTuple):
    """A batch after the encoder: what recognition and alignment each take.

    Attributes:
        features: last block in the common space, X (batch, T, d).
        intermediate: (number, output (batch, T, d_a)) of the lower blocks that the encoder gives.
        hidden: what CTC and decoder see (batch, T, d_a).
        lengths: valid frames (batch,).
    """

    features: torch.Tensor
    intermediate: list[tuple[int, torch.Tensor]]
    hidden: torch.Tensor
    lengths: torch.Tensor

    def for_espnet(self) -> tuple[EncoderOutput, torch.Tensor]:
        """Return what ESPnet's ``encode`` does: the output, with any lower blocks', and its lengths."""
        return (self.hidden, self.intermediate) if self.intermediate else self.hidden, self.lengths


class WithEncoded:
    """A model as ESPnet's ``forward`` sees it when the batch is encoded already.

    That method calls ``self.encode`` and keeps the outcome to itself. Given this as ``self`` it takes the
    outcome from its caller, and nothing has to be left on the model. The slots make it an error, should
    ESPnet ever set an attribute there.
    """

    __slots__ = ("_encoded", "_model")

    def __init__(self, model: torch.nn.Module, encoded: Encoded):
        self._model, self._encoded = model, encoded

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def encode(
        self, speech: torch.Tensor, speech_lengths: torch.Tensor
    ) -> tuple[EncoderOutput, torch.Tensor]:
        return self._encoded.for_espnet()
