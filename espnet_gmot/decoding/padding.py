"""ESPnet's encoders on padded batches, made to give what they give for each utterance alone."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.asr.espnet_model import ESPnetASRModel
from torch import Tensor, nn

# Parts that treat each frame by itself, or look at other frames through the attention mask or through a
# convolution that the hooks below guard. Read from ESPnet 202511 and 202611; tests/decoding compares each.
# Not here: legacy relative positions, which count from the end of the padded batch, and every other encoder.
KNOWN_PARTS = {
    *("ESPnetASRModel", "ESPnetGMOTModel"),
    *("ConformerEncoder", "EBranchformerEncoder", "BranchformerEncoder", "TransformerEncoder"),
    *("EncoderLayer", "EBranchformerEncoderLayer", "BranchformerEncoderLayer", "MultiSequential"),
    *("Conv1dSubsampling1", "Conv1dSubsampling2", "Conv1dSubsampling3", "Conv2dSubsampling"),
    *("Conv2dSubsampling1", "Conv2dSubsampling2", "Conv2dSubsampling6", "Conv2dSubsampling8"),
    *("PositionalEncoding", "ScaledPositionalEncoding", "RelPositionalEncoding"),
    *("MultiHeadedAttention", "RelPositionMultiHeadedAttention", "PositionwiseFeedForward"),
    *("ConvolutionModule", "ConvolutionalGatingMLP", "ConvolutionalSpatialGatingUnit"),
    *("Sequential", "ModuleList", "Linear", "Conv1d", "Conv2d", "LayerNorm", "BatchNorm1d", "Dropout"),
    *("Identity", "ReLU", "Swish", "GELU", "Tanh", "Hardtanh", "SELU", "LinearProjection"),
}
KNOWN_PACKAGES = {"torch", "espnet", "espnet2", "espnet_gmot"}

# What a subsampling layer gives: frames, or frames and their positions, and the attention mask.
Subsampled = tuple[Tensor | tuple[Tensor, Tensor], Tensor]


def unknown_parts(model: ESPnetASRModel) -> list[str]:
    """Return the names of what in an ESPnet ASR model may look at the padding behind an utterance."""
    parts = [model, *model.encoder.modules()]
    parts += [part for part in (model.preencoder, model.postencoder) if part is not None]
    names = {type(part).__name__ for part in parts if not _is_known(type(part))}
    if getattr(model.encoder, "ctc_trim", False):
        names.add("ctc_trim")
    return sorted(names)


def _is_known(part: type) -> bool:
    return part.__name__ in KNOWN_PARTS and part.__module__.partition(".")[0] in KNOWN_PACKAGES


class PaddingGuard:
    """Keeps an encoder of known parts from seeing padded frames, inside :meth:`guarding` alone.

    Subsampling by a convolution without padding turns T frames into ⌊(T − kernel) / stride⌋ + 1. ESPnet
    202511 counts them from the end of the padded batch and lets up to a frame too many through the attention
    mask: the guard corrects the mask. Along time, the encoder's own convolutions read the frames behind an
    utterance, where biases have made zeros into something else: the guard sets them to zero again, as beyond
    the end of an utterance alone. ESPnet 202611 does both itself, and nothing changes there.

    Args:
        encoder: gets the hooks.
    """

    def __init__(self, encoder: AbsEncoder):
        self._padded: Tensor | None = None  # (batch, T), True behind the end of an utterance
        embed: Any = getattr(encoder, "embed", None)
        self._subsampling = [
            layer for layer in getattr(embed, "conv", ()) if isinstance(layer, nn.Conv1d | nn.Conv2d)
        ]
        if self._subsampling:
            embed.register_forward_hook(self._correct_mask)
        for layer in encoder.encoders.modules():
            if isinstance(layer, nn.Conv1d) and layer.kernel_size[0] > 1:
                layer.register_forward_pre_hook(self._zero_padding)

    def output_length(self, frames: int) -> int:
        """Return the encoder's frames for an utterance of ``frames`` feature frames; 0 if it is too short."""
        for layer in self._subsampling:
            frames = (frames - layer.kernel_size[0]) // layer.stride[0] + 1
        return max(0, frames)

    @property
    def subsampling(self) -> int:
        """Feature frames to a frame of the encoder."""
        return math.prod(layer.stride[0] for layer in self._subsampling)

    @contextmanager
    def guarding(self, frames: Sequence[int], device: torch.device) -> Iterator[None]:
        """Guard the encoder's next pass, over utterances of ``frames`` feature frames each."""
        if len(set(frames)) > 1:
            lengths = torch.tensor([self.output_length(count) for count in frames], device=device)
            self._padded = torch.arange(int(lengths.max()), device=device) >= lengths[:, None]
        try:
            yield
        finally:
            self._padded = None

    def _correct_mask(
        self, _module: nn.Module, _inputs: tuple[Tensor, ...], output: Subsampled
    ) -> Subsampled | None:
        if self._padded is None:
            return None
        return output[0], ~self._padded[:, None]  # the attention mask (batch, 1, T)

    def _zero_padding(self, _module: nn.Module, inputs: tuple[Tensor]) -> None:
        if self._padded is not None:
            inputs[0].masked_fill_(self._padded[:, None], 0.0)  # (batch, channels, T)
