"""Cost and closed-form gradient of given couplings, compiled by numba for the CPU; see ``FusedCost``.

Padded matrices go to the helpers whole, because a slice of them would not be contiguous; the sizes of the
other arguments say where to stop.
"""

import numpy as np
import torch
from torch import Tensor

from espnet_gmot.ot.numba_parts import add_product, compiled, in_parallel
from espnet_gmot.ot.problem import Lengths


def node_and_edge(D: Tensor, A: Tensor, B: Tensor, plan: Tensor, lengths: Lengths) -> tuple[Tensor, Tensor]:
    """Return the node and the edge cost (batch,) of couplings (batch, T, N)."""
    arrays = [x.detach().contiguous().numpy() for x in (D, A, B, plan, *lengths)]
    node, edge = np.zeros(len(plan), arrays[0].dtype), np.zeros(len(plan), arrays[0].dtype)
    in_parallel(lambda chosen: _costs(chosen, *arrays, node, edge), *lengths)
    return torch.from_numpy(node), torch.from_numpy(edge)


def frame_edge_gradient(A: Tensor, B: Tensor, plan: Tensor, lengths: Lengths, scale: Tensor) -> Tensor:
    """Return ``scale`` (batch,) times A ⊙ p̂ p̂ᵀ - γ B γᵀ, (batch, T, T)."""
    arrays = [x.detach().contiguous().numpy() for x in (A, B, plan, *lengths, scale)]
    gradient = np.zeros_like(arrays[0])
    in_parallel(lambda chosen: _frame_edge_gradient(chosen, *arrays, gradient), *lengths)
    return torch.from_numpy(gradient)


def token_edge_gradient(A: Tensor, B: Tensor, plan: Tensor, lengths: Lengths, scale: Tensor) -> Tensor:
    """Return ``scale`` (batch,) times B ⊙ q̂ q̂ᵀ - γᵀ A γ, (batch, N, N)."""
    arrays = [x.detach().contiguous().numpy() for x in (A, B, plan, *lengths, scale)]
    gradient = np.zeros_like(arrays[1])
    in_parallel(lambda chosen: _token_edge_gradient(chosen, *arrays, gradient), *lengths)
    return torch.from_numpy(gradient)


@compiled
def _costs(chosen, D, A, B, plan, lengths_a, lengths_b, node, edge):
    for b in chosen:
        T, N = lengths_a[b], lengths_b[b]
        gamma = plan[b, :T, :N].T.copy()  # (N, T)
        p, q = _sums(gamma)
        for i in range(T):
            for j in range(N):
                node[b] += D[b, i, j] * plan[b, i, j]
        product = np.zeros_like(gamma)
        add_product(product, gamma, A[b], _lost(q, T))  # γᵀ A (N, T)
        pairs = np.zeros((N, N), gamma.dtype)
        add_product(pairs, gamma, product.T.copy(), _lost(q, T))  # γᵀ A γ (N, N), transposed
        cross = q.dtype.type(0)
        for j in range(N):
            for k in range(N):
                cross += B[b, k, j] * pairs[j, k]
        total = _square(A[b], p) + _square(B[b], q) - cross - cross
        edge[b] = q.dtype.type(0) if total < 0 else total  # a sum of squares that rounding can bring below 0


@compiled
def _frame_edge_gradient(chosen, A, B, plan, lengths_a, lengths_b, scale, gradient):
    for b in chosen:
        T, N = lengths_a[b], lengths_b[b]
        gamma = plan[b, :T, :N].copy()  # (T, N)
        gamma_t = gamma.T.copy()  # (N, T)
        p, q = _sums(gamma_t)
        product = np.zeros_like(gamma_t)
        add_product(product, B[b, :N, :N].copy(), gamma_t, np.full_like(q, -1))  # B γᵀ (N, T)
        _subtracted_product(gradient[b], A[b], p, gamma, product, scale[b], _lost(p, N))


@compiled
def _token_edge_gradient(chosen, A, B, plan, lengths_a, lengths_b, scale, gradient):
    for b in chosen:
        T, N = lengths_a[b], lengths_b[b]
        gamma = plan[b, :T, :N].copy()  # (T, N)
        gamma_t = gamma.T.copy()  # (N, T)
        _, q = _sums(gamma_t)
        product = np.zeros_like(gamma_t)
        add_product(product, gamma_t, A[b], _lost(q, T))  # γᵀ A (N, T)
        _subtracted_product(gradient[b], B[b], q, product, gamma, scale[b], np.full_like(q, -1))


@compiled
def _subtracted_product(out, edge, weights, X, Y, scale, negligible):
    """``out = scale (edge ⊙ w wᵀ - X Y)``."""
    add_product(out, X, Y, negligible)
    for i in range(len(weights)):
        for k in range(len(weights)):
            out[i, k] = scale * (edge[i, k] * weights[i] * weights[k] - out[i, k])


@compiled
def _sums(gamma):
    """Return the sums over tokens and over frames of a coupling (N, T)."""
    p, q = np.zeros_like(gamma[0]), np.zeros_like(gamma[:, 0])
    for j in range(gamma.shape[0]):
        total = q[j]
        for i in range(gamma.shape[1]):
            p[i] += gamma[j, i]
            total += gamma[j, i]
        q[j] = total
    return p, q


@compiled
def _lost(sums, count):
    """What is lost in the rounding of a row's sum: that much below the row's mean."""
    return sums * (np.finfo(sums.dtype).eps / count)


@compiled
def _square(edge, weights):
    total = weights.dtype.type(0)
    for i in range(len(weights)):
        row = weights.dtype.type(0)
        for k in range(len(weights)):
            row += edge[i, k] * edge[i, k] * weights[k]
        total += weights[i] * row
    return total
