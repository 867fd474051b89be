"""The most likely CTC path of each utterance, collapsed to tokens with their times and confidences."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

FRAMES_AT_ONCE = 128  # posteriors over AISHELL's 4,233 tokens then take 2 MB and stay in a processor's cache
FAR_BELOW = -80.0  # no float32 sum of posteriors notices e⁻⁸⁰; far smaller numbers are denormal, and slow


class BestPath(NamedTuple):
    """A hypothesis; frames are those of the encoder output.

    Attributes:
        ids: tokens, repeats collapsed and blanks dropped.
        starts: first frame of each token.
        ends: the frame behind the last of each token.
        confidences: mean posterior over each token's frames.
        score: natural logarithm of the path's probability.
    """

    ids: list[int]
    starts: list[int]
    ends: list[int]
    confidences: list[float]
    score: float


@torch.no_grad()
def most_likely(hidden: Tensor, output: nn.Module) -> tuple[Tensor, Tensor]:
    """Find each frame's most likely symbol and the logarithm of its posterior.

    Args:
        hidden: encoder output (frames, size), utterances in a row.
        output: maps it to logits (frames, vocabulary).

    Returns:
        Symbols and log posteriors, each (frames,).
    """
    symbols, log_posteriors = [], []
    for part in hidden.split(FRAMES_AT_ONCE):
        logits = output(part)  # (frames, vocabulary)
        best = logits.max(dim=-1)
        symbols.append(best.indices)
        odds = logits.sub_(best.values[:, None]).clamp_(min=FAR_BELOW).exp_()  # of each symbol to the best
        log_posteriors.append(-odds.sum(dim=-1).log_())
    return torch.cat(symbols), torch.cat(log_posteriors)


def collapse(symbols: Tensor, log_posteriors: Tensor, blank_id: int) -> BestPath:
    """Collapse the path of one utterance.

    Args:
        symbols: (T,).
        log_posteriors: of the symbols (T,).
        blank_id: index of the blank symbol.

    Example:
        >>> path = torch.tensor([0, 1, 1, 0, 1, 2])
        >>> collapse(path, torch.tensor([0.9, 0.5, 1.0, 0.9, 0.8, 0.9]).log(), blank_id=0)[:3]
        ([1, 1, 2], [1, 4, 5], [3, 5, 6])
    """
    log_posteriors = log_posteriors.double()
    tokens, frames = torch.unique_consecutive(symbols, return_counts=True)
    total = nn.functional.pad(log_posteriors.exp().cumsum(0), (1, 0))  # of the frames before each
    ends = frames.cumsum(0)
    starts = ends - frames
    confidences = (total[ends] - total[starts]) / frames
    kept = tokens != blank_id
    return BestPath(
        tokens[kept].tolist(),
        starts[kept].tolist(),
        ends[kept].tolist(),
        confidences[kept].tolist(),
        log_posteriors.sum().item(),
    )


def best_paths(hidden: Tensor, lengths: Sequence[int], output: nn.Module, blank_id: int) -> list[BestPath]:
    """Find the best path of each utterance of a batch.

    Args:
        hidden: encoder output (all frames, size), utterances in a row.
        lengths: frames of each utterance; without a frame it has no token and the score 0.
        output: the CTC's output layer.
        blank_id: index of the blank symbol.
    """
    if sum(lengths) == 0:
        return [BestPath([], [], [], [], 0.0) for _ in lengths]
    symbols, log_posteriors = (each.cpu() for each in most_likely(hidden, output))
    parts = zip(symbols.split(list(lengths)), log_posteriors.split(list(lengths)), strict=True)
    return [collapse(*part, blank_id) for part in parts]
