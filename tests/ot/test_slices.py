"""Long inputs in slices: same results, less memory."""

import pytest
import torch

from espnet_gmot.ot import cosine_edge_cost, cosine_node_cost, fused_gromov_wasserstein_of_vectors, slices


def costs(X, lengths_a, Z, lengths_b):
    return cosine_node_cost(X, Z), cosine_edge_cost(X), cosine_edge_cost(Z)


def vectors(batch, T, N, dtype=torch.float64):
    random = torch.Generator().manual_seed(0)
    X = torch.randn(batch, T, 5, generator=random, dtype=dtype).requires_grad_()
    Z = torch.randn(batch, N, 5, generator=random, dtype=dtype).requires_grad_()
    lengths_a = torch.randint(T // 2, T + 1, (batch,), generator=random)
    return X, Z, lengths_a, torch.randint(N // 2, N + 1, (batch,), generator=random)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_slices_equal_the_whole(size, monkeypatch):
    batch, T, N = 5, 12, 6
    X, Z, lengths_a, lengths_b = vectors(batch, T, N)
    p = torch.softmax(torch.randn(batch, T, dtype=torch.float64), 1)
    p = p * (torch.arange(T) < lengths_a[:, None])
    options = {"p": p / p.sum(1, keepdim=True), "alpha": 0.3, "scheme": "entropic", "max_iter": 4}
    weight = torch.arange(1.0, batch + 1)
    outcomes = []
    for entries in (slices.SLICE_ENTRIES, size * T**2):
        monkeypatch.setattr(slices, "SLICE_ENTRIES", entries)
        out = fused_gromov_wasserstein_of_vectors(X, Z, lengths_a, lengths_b, costs, **options)
        costs_found = out.value + 2 * out.node - 3 * out.edge
        gradients = torch.autograd.grad((costs_found * weight).sum(), (X, Z))
        outcomes.append((*out, *gradients))
    for whole, sliced in zip(*outcomes, strict=True):
        torch.testing.assert_close(sliced, whole, atol=1e-12, rtol=1e-10)


def test_start_is_sliced_too(monkeypatch):
    X, Z, lengths_a, lengths_b = vectors(3, 8, 4)
    options = {"max_iter": 2, "tol": 0.0}
    first = fused_gromov_wasserstein_of_vectors(X, Z, lengths_a, lengths_b, costs, **options)
    whole = fused_gromov_wasserstein_of_vectors(
        X, Z, lengths_a, lengths_b, costs, start=first.plan, **options
    )
    monkeypatch.setattr(slices, "SLICE_ENTRIES", 1)
    sliced = fused_gromov_wasserstein_of_vectors(
        X, Z, lengths_a, lengths_b, costs, start=first.plan, **options
    )
    torch.testing.assert_close(sliced.plan, whole.plan)
    assert (whole.plan - first.plan).abs().max() > 1e-3


def test_no_tensor_holds_the_edge_costs_of_a_whole_long_batch():
    batch, T = 4, 2000
    X, Z, lengths_a, lengths_b = vectors(batch, T, 10, torch.float32)
    largest = 0

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                largest = max(largest, result.numel())
            return result

    def saved(tensor):
        nonlocal kept
        kept += tensor.numel()
        return tensor

    kept = 0
    with Watch(), torch.autograd.graph.saved_tensors_hooks(saved, lambda tensor: tensor):
        out = fused_gromov_wasserstein_of_vectors(
            X, Z, lengths_a, lengths_b, costs, max_iter=1, sinkhorn_iter=1
        )
    out.value.sum().backward()
    assert T**2 <= largest <= slices.SLICE_ENTRIES < batch * T**2
    assert kept < T**2
    assert X.grad.isfinite().all()
    assert X.grad.abs().sum() > 0
