"""Node and edge costs of frames and tokens; float32 at least, whatever the autocast state."""

from collections.abc import Sequence

import torch
from torch import Tensor

from espnet_gmot.errors import InputError
from espnet_gmot.ot.problem import masked, valid_mask, within

# A vector shorter than this has no direction: its cosine with anything is 0, and so is its gradient.
SHORTEST_VECTOR = 1e-6


def cosine_node_cost(X: Tensor, Z: Tensor) -> Tensor:
    """Cost of matching frame i with token j, ``D_ij = 1 - cos(x_i, z_j)``, in [0, 2].

    Args:
        X: Frame vectors (batch, T, d).
        Z: Token vectors (batch, N, d).

    Returns:
        (batch, T, N). A zero vector costs 1 against everything and receives no gradient.

    Source: "Cross-modal Knowledge Transfer Learning as Graph Matching Based on Optimal Transport for ASR",
    Lu et al., arXiv 2505.13079.

    Example:
        >>> X = torch.tensor([[[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]])
        >>> cosine_node_cost(X, X[:, :1]).flatten().tolist()
        [0.0, 1.0, 1.0]
    """
    if X.dim() != 3 or Z.dim() != 3 or X.shape[::2] != Z.shape[::2]:
        raise InputError(
            "X must be (batch, T, d) and Z (batch, N, d) with the same batch and d, "
            f"got {tuple(X.shape)} and {tuple(Z.shape)}"
        )
    with torch.autocast(X.device.type, enabled=False):
        cosine = _directions(X) @ _directions(Z).mT  # (batch, T, N)
        return (1 - cosine).clamp_min(0)  # rounding can bring the cosine above 1


def cosine_edge_cost(X: Tensor) -> Tensor:
    """Cost between vectors of one side, ``A_ik = 1 - cos(x_i, x_k)``, in [0, 2].

    Args:
        X: Vectors (batch, T, d).

    Returns:
        (batch, T, T), symmetric.
    """
    return cosine_node_cost(X, X)


def cosine_costs(
    X: Tensor, _lengths_a: Tensor, Z: Tensor, _lengths_b: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Node cost (batch, T, N) and edge costs (batch, T, T) and (batch, N, N) of vectors, all cosine.

    Padded vectors have costs too, which the solver ignores.
    """
    return cosine_node_cost(X, Z), cosine_edge_cost(X), cosine_edge_cost(Z)


def cosine_edges(
    X: Tensor, _lengths_a: Tensor, Z: Tensor, _lengths_b: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """As :func:`cosine_costs` with a node cost of zero: X and Z may differ in dimension."""
    D = X.new_zeros(X.shape[0], X.shape[1], Z.shape[1])  # (batch, T, N)
    return D, cosine_edge_cost(X), cosine_edge_cost(Z)


def temporal_prior(
    lengths_a: Tensor | Sequence[int], lengths_b: Tensor | Sequence[int], T: int, N: int, sigma: float
) -> Tensor:
    """Penalty for leaving the diagonal, the negative log of a Gaussian; add it to a node cost.

    ``l(i, j)² / (2 sigma²)`` with ``l(i, j) = |i/T - j/N| / sqrt(1/T² + 1/N²)``, i and j counted from 1 and
    T and N the valid lengths.

    Args:
        lengths_a: Valid frames of each problem (batch,).
        lengths_b: Valid tokens of each problem (batch,).
        T: Padded number of frames.
        N: Padded number of tokens.
        sigma: Width of the Gaussian, > 0, in the units of l: about one token's span where T is much larger
            than N.

    Returns:
        (batch, T, N), non-negative, zero on padding.

    Source: Su and Hua, "Order-preserving Wasserstein distance for sequence matching", CVPR 2017, equation 5.

    Example:
        >>> temporal_prior([2], [2], T=2, N=2, sigma=1.0)
        tensor([[[0.0000, 0.2500],
                 [0.2500, 0.0000]]])
    """
    if not sigma > 0:
        raise InputError(f"sigma must be positive, got {sigma}")
    place_a, valid_a = _places(lengths_a, T, "lengths_a")  # (batch, T)
    place_b, valid_b = _places(lengths_b, N, "lengths_b")  # (batch, N)
    unit = (place_a[:, 0] ** 2 + place_b[:, 0] ** 2).sqrt()  # the first place is 1/T, or 1/N
    distance = (place_a[:, :, None] - place_b[:, None, :]) / unit[:, None, None]  # (batch, T, N)
    penalty = distance**2 / (2 * sigma**2)
    return masked(penalty, valid_a, valid_b)


def diagonal_coupling(lengths_a: Tensor, lengths_b: Tensor, T: int, N: int, sigma: float) -> Tensor:
    """A band around the diagonal to start a search from, ``γ_ij ∝ exp(-prior_ij)``.

    Args:
        lengths_a: Valid frames of each problem (batch,).
        lengths_b: Valid tokens of each problem (batch,).
        T: Padded number of frames.
        N: Padded number of tokens.
        sigma: Width of the band, as for :func:`temporal_prior`.

    Returns:
        (batch, T, N), summing to 1, zero on padding. Its marginals are near uniform ones.

    Example:
        >>> two = torch.tensor([2])
        >>> diagonal_coupling(two, two, T=2, N=2, sigma=0.3)[0].round(decimals=2)
        tensor([[0.4700, 0.0300],
                [0.0300, 0.4700]])
    """
    band = (-temporal_prior(lengths_a, lengths_b, T, N, sigma)).exp()
    band = masked(band, within(lengths_a, T), within(lengths_b, N))
    return band / band.sum((1, 2), keepdim=True)


def temporal_edge_cost(lengths: Tensor | Sequence[int], T: int) -> Tensor:
    """Distance in time as an edge cost, ``|i - k| / T`` with T the valid length, in [0, 1).

    Args:
        lengths: Valid entries of each problem (batch,).
        T: Padded size.

    Returns:
        (batch, T, T), symmetric, zero on padding.

    Example:
        >>> temporal_edge_cost([2], T=3)[0]
        tensor([[0.0000, 0.5000, 0.0000],
                [0.5000, 0.0000, 0.0000],
                [0.0000, 0.0000, 0.0000]])
    """
    place, valid = _places(lengths, T, "lengths")  # (batch, T)
    distance = (place[:, :, None] - place[:, None, :]).abs()  # (batch, T, T)
    return masked(distance, valid, valid)


def _directions(X: Tensor) -> Tensor:
    # The gradient is about 1 / length and must fit into X's type: in float16 that takes a length of 1e-3.
    shortest = max(SHORTEST_VECTOR, 64 / torch.finfo(X.dtype).max)
    X = X.to(torch.promote_types(X.dtype, torch.float32))
    length = torch.linalg.vector_norm(X, dim=-1, keepdim=True)
    # Replaced before the division, so that the gradient of the branch not taken is finite too.
    has_direction = length > shortest
    return torch.where(has_direction, X / torch.where(has_direction, length, 1.0), 0.0)


def _places(lengths: Tensor | Sequence[int], size: int, name: str) -> tuple[Tensor, Tensor]:
    lengths = torch.as_tensor(lengths)
    valid = valid_mask(lengths, lengths.numel(), size, lengths.device, name)
    count = torch.arange(1, size + 1, device=lengths.device, dtype=torch.float32)
    return count / lengths[:, None], valid  # (batch, size) each
