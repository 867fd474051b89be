"""Utterances with too few encoder frames: for anything at all, or for CTC to place their labels."""

import logging
from collections.abc import Sequence

import torch

from espnet_gmot.data.ctc_condition import frames_needed
from espnet_gmot.errors import InputError


def require_frames(frames: torch.Tensor, utt_ids: Sequence[str] | None) -> None:
    """Refuse a batch with an utterance that has no encoder frame.

    Args:
        frames: of each utterance (batch,).
        utt_ids: for the message.

    Raises:
        InputError: names those that have none.
    """
    empty = (frames < 1).nonzero().flatten().tolist()
    if empty:
        raise InputError(
            f"too short for one encoder frame: utterance {_names(empty, utt_ids)}; "
            "raise --min_wav_duration and run stage 4 again"
        )


class CTCLimit:
    """Tells which utterances CTC can align, and warns of the first batch with one that it cannot."""

    def __init__(self) -> None:
        self._has_warned = False

    def alignable(
        self, frames: torch.Tensor, labels: torch.Tensor, label_lengths: torch.Tensor
    ) -> torch.Tensor:
        """Tell which utterances (batch,) have the frames that CTC needs for their labels.

        Args:
            frames: of each utterance (batch,).
            labels: token ids (batch, L), any value on padding.
            label_lengths: (batch,).
        """
        return frames.to(labels.device) >= frames_needed(labels, label_lengths)  # RNN encoders: on the CPU

    def share_impossible(self, alignable: torch.Tensor, utt_ids: Sequence[str] | None) -> torch.Tensor:
        """Return the share of utterances that CTC cannot align, a scalar; the first time, name them.

        Args:
            alignable: what :meth:`alignable` gave (batch,).
            utt_ids: for the warning.
        """
        if not self._has_warned and not alignable.all():
            self._has_warned = True
            logging.warning(
                "fewer encoder frames than CTC needs for the labels: utterance %s. Neither CTC nor the "
                "alignment learns from such utterances, whose share is ctc_impossible in this log; do audio "
                "and text belong together?",
                _names((~alignable).nonzero().flatten().tolist(), utt_ids),
            )
        return (~alignable).float().mean()


def _names(places: Sequence[int], utt_ids: Sequence[str] | None) -> str:
    return ", ".join(utt_ids[i] if utt_ids else f"number {i} of the batch" for i in places)
