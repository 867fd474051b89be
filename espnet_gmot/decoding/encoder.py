"""Encode several utterances at once, each as if it were alone."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import torch
from espnet2.asr.encoder.conformer_encoder import TooShortUttError
from espnet2.asr.espnet_model import ESPnetASRModel
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from espnet_gmot.decoding.padding import PaddingGuard, unknown_parts


class BatchEncoder:
    """``ESPnetASRModel.encode`` in two steps: features of one utterance, encoder output of a batch.

    Frontend and normalisation see one utterance at a time, because ESPnet's STFT mirrors the signal at the
    end of the padded batch. Then the model encodes the padded features under a :class:`PaddingGuard`, or,
    where parts of it are unknown, features of equal length only.

    Args:
        model: of ESPnet or of this package, in evaluation mode; it gets hooks that sleep outside this class.
    """

    def __init__(self, model: ESPnetASRModel):
        self.model = model
        self._device = next(model.parameters()).device
        self._guard = None
        unknown = unknown_parts(model)
        if unknown:
            logging.warning(
                "%s may see a batch's padding: batches hold utterances of equal length only, which is slower",
                ", ".join(unknown),
            )
        else:
            self._guard = PaddingGuard(model.encoder)

    @property
    def takes_padding(self) -> bool:
        """Whether a batch may hold utterances of different lengths."""
        return self._guard is not None

    @property
    def subsampling(self) -> int | None:
        """Feature frames to a frame of the encoder; None where parts of the model are unknown."""
        return self._guard.subsampling if self._guard is not None else None

    @torch.no_grad()
    def features(self, speech: Tensor) -> Tensor:
        """Return normalised features (frames, dim) of one utterance; none if it is too short for an STFT.

        Args:
            speech: waveform (samples,) or (samples, channels); without a frontend features (frames, dim).
        """
        frontend, normalize = self.model.frontend, self.model.normalize
        stft = getattr(frontend, "stft", None)
        if stft is not None and stft.center and len(speech) <= stft.n_fft // 2:  # too short to be mirrored
            return torch.empty(0, frontend.output_size(), device=self._device)
        features = speech[None].to(self._device)  # (1, samples)
        lengths = torch.tensor([len(speech)], device=self._device)
        if frontend is not None:
            features, lengths = frontend(features, lengths)
        if normalize is not None:
            features, lengths = normalize(features, lengths)
        return features[0]

    @torch.no_grad()
    def encode(self, features: Sequence[Tensor]) -> tuple[Tensor, list[int]]:
        """Encode a batch.

        Args:
            features: (frames, dim) of each utterance.

        Returns:
            What the CTC sees, the frames of all utterances in a row (all frames, size), and how many each
            has: 0 for an utterance too short to be subsampled.
        """
        frames = [len(each) for each in features]
        long_enough = [place for place, count in enumerate(frames) if self.output_length(count) > 0]
        lengths = [0] * len(frames)
        hidden = []
        if long_enough:
            encoded = self._encode_padded([features[place] for place in long_enough])
            for place, each in zip(long_enough, encoded, strict=True):
                lengths[place] = len(each)
                hidden.append(each)
        return torch.cat(hidden) if hidden else torch.empty(0, device=self._device), lengths

    def output_length(self, frames: int) -> int:
        """Frames of the encoder for so many of features; 0 if these are too few to be subsampled."""
        return self._guard.output_length(frames) if self._guard is not None else frames

    def _encode_padded(self, features: list[Tensor]) -> list[Tensor]:
        """Return the encoder output (T, size) of each utterance, (0, size) if all are too short."""
        frames = [len(each) for each in features]
        batch = pad_sequence(features, batch_first=True)  # (batch, frames, dim)
        guarding = self._guard.guarding(frames, self._device) if self._guard is not None else nullcontext()
        with self._without_frontend(), guarding:
            try:
                encoded, lengths = self.model.encode(batch, torch.tensor(frames, device=self._device))
            except TooShortUttError:  # of equal lengths, so that it concerns the whole batch
                return [batch.new_empty(0, 0)] * len(features)
        hidden = encoded[0] if isinstance(encoded, tuple) else encoded  # (batch, T, size)
        return [each[:length] for each, length in zip(hidden, lengths.tolist(), strict=True)]

    @contextmanager
    def _without_frontend(self) -> Iterator[None]:
        """Let ``model.encode`` take features."""
        model = self.model
        frontend, normalize = model.frontend, model.normalize
        model.frontend = model.normalize = None
        try:
            yield
        finally:
            model.frontend, model.normalize = frontend, normalize
