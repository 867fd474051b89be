"""Which utterances CTC can align at all."""

from torch import Tensor, arange


def frames_needed(labels: Tensor, lengths: Tensor) -> Tensor:
    """Return the fewest frames in which CTC can place a transcript's labels y.

        needed = L + #{l : y_l = y_(l+1)}

    Each label takes a frame, and a blank must part equal neighbours. With fewer frames no path exists and the
    loss is infinite, which ESPnet turns into zero.

    Args:
        labels: token ids (batch, L), any value on padding.
        lengths: (batch,), on the same device.

    Returns:
        (batch,).

    Source: Graves et al., "Connectionist temporal classification", ICML 2006.

    Example:
        >>> from torch import tensor
        >>> frames_needed(tensor([[2, 2, 3], [2, 3, -1]]), tensor([3, 2])).tolist()
        [4, 2]
    """
    valid = arange(labels.size(1), device=labels.device) < lengths[:, None]  # (batch, L)
    repeats = (labels[:, 1:] == labels[:, :-1]) & valid[:, 1:]  # (batch, L - 1)
    return lengths + repeats.sum(1)
