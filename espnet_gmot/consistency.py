"""CR-CTC: a batch masked twice, and what its two halves differ in."""

from typing import Any

import torch
from espnet2.asr.specaug.abs_specaug import AbsSpecAug

from espnet_gmot.ot.problem import within


def twice(value: Any) -> Any:
    """Put a batch behind itself: a tensor (batch, ...), a list with one entry an utterance, or None.

    Example:
        >>> twice(torch.tensor([1, 2])).tolist(), twice(["u1", "u2"]), twice(None)
        ([1, 2, 1, 2], ['u1', 'u2', 'u1', 'u2'], None)
    """
    if isinstance(value, torch.Tensor):
        return torch.cat([value, value])
    return value + value if isinstance(value, list) else value


class WarpedOnce(AbsSpecAug):
    """SpecAugment of a batch that stands twice: time is warped alike in both copies, the masks differ.

    Args:
        specaug: ESPnet's; one of another kind, without ``time_warp``, is called as it is.
    """

    def __init__(self, specaug: AbsSpecAug):
        super().__init__()
        self.specaug = specaug

    def forward(
        self, x: torch.Tensor, x_lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Augment both copies of features (2 batch, T, F)."""
        if getattr(self.specaug, "time_warp", None) is None:
            return self.specaug(x, x_lengths)
        lengths = None if x_lengths is None else x_lengths.chunk(2)[0]
        warped, lengths = self.specaug.time_warp(x.chunk(2)[0], lengths)  # (batch, T, F)
        x, x_lengths = twice(warped), twice(lengths)
        for mask in filter(None, (self.specaug.freq_mask, self.specaug.time_mask)):
            x, x_lengths = mask(x, x_lengths)
        return x, x_lengths


def consistency_loss(log_posterior: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Mean over utterances of how far the CTC posteriors of their two copies lie apart.

        L_CR = ½ Σ_t [KL(sg(b_t) ‖ a_t) + KL(sg(a_t) ‖ b_t)]

    a and b are the posteriors of the first and the second copy, sg stops the gradient: each copy learns from
    the other as it is.

    Args:
        log_posterior: of both copies (2 batch, T, V), as :func:`twice` orders them.
        lengths: valid frames (2 batch,).

    Source: Yao et al., "CR-CTC: Consistency regularization on CTC for improved speech recognition", arXiv
    2410.05101.

    Example:
        >>> same = torch.randn(1, 5, 4).log_softmax(-1)
        >>> consistency_loss(twice(same), torch.tensor([5, 5])).item()
        0.0
    """
    first, second = log_posterior.float().chunk(2)  # (batch, T, V)
    valid = within(lengths.to(first.device), first.size(1)).chunk(2)[0]  # (batch, T)
    apart = _divergence(second.detach(), first) + _divergence(first.detach(), second)  # (batch, T)
    return 0.5 * torch.where(valid, apart, 0.0).sum(1).mean()


def _divergence(of: torch.Tensor, to: torch.Tensor) -> torch.Tensor:
    """KL(of ‖ to) of each frame (batch, T), from log posteriors (batch, T, V)."""
    return (of.exp() * (of - to)).sum(-1)
