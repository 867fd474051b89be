"""The pieces of the compiled code, each against numpy."""

import os
import signal

import numpy as np
import pytest
import torch

from espnet_gmot.ot import numba_parts


@numba_parts.compiled
def exp_all(x, out):
    for i in range(len(x)):
        out[i] = numba_parts.exp(x[i])


@pytest.mark.parametrize(("dtype", "error"), [(np.float32, 3e-7), (np.float64, 1e-15)])
def test_exponential(dtype, error):
    x = np.concatenate([np.linspace(-59.9, 0, 10001), [0.0, -1e-30]]).astype(dtype)
    out = np.empty_like(x)
    exp_all(x, out)
    np.testing.assert_allclose(out, np.exp(x.astype(np.float64)), rtol=error)
    assert out[-2] == 1


def test_exponential_ends_in_zero_without_denormals_and_keeps_nan():
    out = np.empty(4, np.float32)
    exp_all(np.array([-61, -90, -1e30, np.nan], np.float32), out)
    assert out[:3].tolist() == [0, 0, 0]
    assert np.isnan(out[3])


@pytest.mark.parametrize("K", [1, 2, 3, 4, 5, 11])
def test_product(K):
    random = np.random.default_rng(K)
    X, Y, out = random.normal(size=(3, K)), random.normal(size=(K, 7)), random.normal(size=(3, 7))
    expected = out + X @ Y
    numba_parts.add_product(out, X, Y, np.full(3, -1.0))
    np.testing.assert_allclose(out, expected, rtol=1e-12)


def test_product_takes_the_leading_part_and_leaves_the_rest_alone():
    random = np.random.default_rng(0)
    X, Y, out = random.normal(size=(2, 3)), random.normal(size=(5, 6)), np.zeros((2, 4))
    numba_parts.add_product(out, X, Y, np.full(2, -1.0))
    np.testing.assert_allclose(out, X @ Y[:3, :4], rtol=1e-12)


def test_product_skips_what_is_negligible_in_its_row():
    X, Y = np.array([[1e-9, 0, 0, 0, 1.0], [1e-9, 0, 0, 0, 1.0]]), np.ones((5, 2))
    out = np.zeros((2, 2))
    numba_parts.add_product(out, X, Y, np.array([1e-8, 1e-10]))
    assert out.tolist() == [[1, 1], [1 + 1e-9, 1 + 1e-9]]


@pytest.mark.parametrize("n_threads", [1, 2, 3, 8])
def test_each_problem_is_solved_once_and_threads_get_like_shares(n_threads, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: n_threads)
    lengths = torch.tensor([10, 80, 30, 100, 20, 70])
    shares = []
    numba_parts.in_parallel(lambda chosen: shares.append(chosen.tolist()), lengths, lengths)
    assert sorted(sum(shares, [])) == list(range(6))
    assert len(shares) == min(n_threads, 6)
    largest = max(sum(int(lengths[i]) ** 3 for i in share) for share in shares)
    assert largest <= max(100**3, int((lengths**3).sum()) / len(shares) * 1.34)


def test_an_error_in_a_thread_is_not_lost(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)

    def fail(chosen):
        raise ValueError("from a thread")

    with pytest.raises(ValueError, match="from a thread"):
        numba_parts.in_parallel(fail, torch.tensor([3, 4]), torch.tensor([2, 2]))


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it is multi-threaded and forks
def test_forked_process_has_threads_of_its_own(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    lengths = torch.tensor([3, 4])
    numba_parts.in_parallel(lambda chosen: None, lengths, lengths)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        numba_parts.in_parallel(lambda chosen: None, lengths, lengths)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
