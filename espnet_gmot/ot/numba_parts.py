"""What the compiled CPU code shares: the compiler's settings, threads, an exponential, a product."""

import functools
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import scipy  # noqa: F401  # whose BLAS numba calls; missing, it would fail in the first solve
import torch
from numba import types
from numba.extending import overload
from torch import Tensor

# Sums may be reordered, so that loops vectorise; NaN and infinity keep their meaning.
REORDERED = {"reassoc", "contract", "arcp", "nsz"}
# Inlined: else the process that compiles runs each function as compiled by itself, and those that load the
# whole later run what became of it there, with sums in another order and other last digits.
compiled = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=REORDERED, forceinline=True)


def in_parallel(solve: Callable[[np.ndarray], None], lengths_a: Tensor, lengths_b: Tensor) -> None:
    """Call ``solve`` with the numbers of the problems, dealt out to as many threads as torch uses.

    ``solve`` must release the interpreter's lock, as compiled functions do.
    """
    own, *others = _fair_shares((lengths_a**2 * lengths_b).numpy(), torch.get_num_threads())
    pending = [_pool(os.getpid()).submit(solve, share) for share in others]
    try:
        solve(own)
    finally:
        for share in pending:
            share.result()


@functools.cache
def _pool(_process: int) -> ThreadPoolExecutor:
    """Threads that wait for work; a forked process has none of its parent's and gets its own."""
    return ThreadPoolExecutor(os.cpu_count())


def _fair_shares(work: np.ndarray, n_threads: int) -> list[np.ndarray]:
    """Deal problems out to threads, the largest first, each to the thread with the least work so far."""
    shares: list[list[int]] = [[] for _ in range(min(n_threads, len(work)))]
    load = np.zeros(len(shares))
    for i in np.argsort(-work, kind="stable"):
        lightest = int(load.argmin())
        shares[lightest].append(i)
        load[lightest] += work[i]
    return [np.array(share) for share in shares]


def exp(x):
    """``exp(x)``; the float32 version vectorises, which a call into the C library does not."""


@overload(exp, jit_options={"fastmath": {"contract"}})  # reordered, the two parts of log(2) would be one
def _overload_exp(x):
    return _exp_float32 if x == types.float32 else lambda x: math.exp(x)


def _exp_float32(x):
    # exp(x) = 2^k exp(r) with |r| <= log(2) / 2; the polynomial is Taylor's, 2^k is made from its bits.
    # Below `lowest` it is zero, not denormal: the processor would take a hundred times as long for those.
    lowest = np.float32(-60.0)
    inside = lowest if x < lowest else x
    k = np.floor(inside * np.float32(1 / math.log(2)) + np.float32(0.5))
    r = inside - k * np.float32(0.693359375) - k * np.float32(math.log(2) - 0.693359375)
    y = np.float32(1 / 5040)
    y = y * r + np.float32(1 / 720)
    y = y * r + np.float32(1 / 120)
    y = y * r + np.float32(1 / 24)
    y = y * r + np.float32(1 / 6)
    y = y * r + np.float32(1 / 2)
    y = y * r + np.float32(1)
    y = y * r + np.float32(1)
    power = np.int32((np.int32(k) + np.int32(127)) << np.int32(23)).view(np.float32)
    return np.float32(0) if x < lowest else y * power


@compiled
def add_product(out, X, Y, negligible):
    """``out += X @ Y``, four columns of ``X`` at a time; skips those that are negligible in their row.

    Only the leading part of ``out`` or ``Y`` counts where either has more columns, of ``Y`` where it has more
    rows than ``X`` columns.
    """
    zero = X.dtype.type(0)
    J, K = X.shape
    columns = min(out.shape[1], Y.shape[1])
    for k in range(0, K, 4):
        # Past the end the last row stands in, with weight zero.
        k1, k2, k3 = min(k + 1, K - 1), min(k + 2, K - 1), min(k + 3, K - 1)
        for j in range(J):
            x0 = X[j, k]
            x1 = X[j, k1] if k + 1 < K else zero
            x2 = X[j, k2] if k + 2 < K else zero
            x3 = X[j, k3] if k + 3 < K else zero
            if abs(x0) + abs(x1) + abs(x2) + abs(x3) <= negligible[j]:
                continue
            for i in range(columns):
                out[j, i] += x0 * Y[k, i] + x1 * Y[k1, i] + x2 * Y[k2, i] + x3 * Y[k3, i]
