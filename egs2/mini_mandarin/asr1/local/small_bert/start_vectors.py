"""Character vectors from neighbour counts: a head start for a small BERT."""

import numpy as np
import torch
from torch import Tensor

from small_bert.masked_text import MASK


def neighbour_vectors(sequences: list[Tensor], vocabulary: int, size: int, norm: float) -> Tensor:
    """Factor the pointwise mutual information of adjacent characters.

    With M_ab = max(0, log P(b follows a) / (P(a) P(b)^0.75)) ≈ U S Vᵀ, the vector of a character is its
    row of [U √S, V √S], scaled to length ``norm``: half what may follow it, half what may precede it.

    Args:
        sequences: token ids, special tokens included.
        vocabulary: number of tokens; the special ones get zero vectors.
        size: even size of a vector.
        norm: length of a vector.

    Returns:
        (vocabulary, size).

    Source: Levy and Goldberg, Neural word embedding as implicit matrix factorization, NeurIPS 2014.
    """
    stream = torch.cat(sequences).numpy()
    left, right = stream[:-1], stream[1:]
    characters = (left > MASK) & (right > MASK)  # no pair spans two lines: [SEP] [CLS] lie between
    pairs, counts = np.unique(left[characters] * vocabulary + right[characters], return_counts=True)
    row, column = np.divmod(pairs, vocabulary)
    as_left = np.bincount(row, counts, vocabulary)  # (V,)
    as_right = np.bincount(column, counts, vocabulary) ** 0.75  # (V,)
    ratio = counts * as_right.sum() / (as_left[row] * as_right[column])
    information = np.maximum(np.log(ratio), 0.0).astype(np.float32)
    rank = min(size // 2, vocabulary)
    with torch.sparse.check_sparse_tensor_invariants():
        places = torch.from_numpy(np.stack([row, column]))
        matrix = torch.sparse_coo_tensor(places, torch.from_numpy(information), (vocabulary, vocabulary))
        u, s, v = torch.svd_lowrank(matrix, q=rank, niter=4)  # (V, rank), (rank,), (V, rank)
    vectors = torch.zeros(vocabulary, size)
    vectors[:, : 2 * rank] = torch.cat([u * s.sqrt(), v * s.sqrt()], dim=1)
    vectors[: MASK + 1] = 0.0  # the rounding noise there
    return norm * torch.nn.functional.normalize(vectors, dim=1)


def position_vectors(positions: int, size: int, scale: float) -> Tensor:
    """Return sinusoids (positions, size), so that attention finds neighbours by their distance at once.

    Source: Vaswani et al., Attention is all you need, NeurIPS 2017, section 3.5.
    """
    frequency = torch.exp(-np.log(100.0) * torch.arange(0, size, 2) / size)  # (size / 2,)
    angle = torch.arange(positions)[:, None] * frequency  # (positions, size / 2)
    return scale * torch.cat([angle.sin(), angle.cos()], dim=1)
