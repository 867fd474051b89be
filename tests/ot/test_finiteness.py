"""No NaN and no infinity, whatever the problem."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_gmot.ot import (
    barycentric_projection,
    cosine_edge_cost,
    cosine_node_cost,
    coupling_entropy,
    fused_gromov_wasserstein,
)

SIZES = st.integers(1, 9)
VECTORS = st.sampled_from(["random", "zero", "identical", "one zero", "orthogonal"])


def vectors(kind, batch, size, seed):
    X = torch.randn(batch, size, 4, generator=torch.Generator().manual_seed(seed))
    if kind == "zero":
        X = torch.zeros_like(X)
    elif kind == "identical":
        X = X[:, :1].expand(-1, size, -1).clone()
    elif kind == "one zero":
        X[:, 0] = 0
    elif kind == "orthogonal":
        X = torch.eye(4)[torch.arange(size) % 4].expand(batch, -1, -1).clone()
    return X.requires_grad_()


def check(out, lengths_a, lengths_b):
    assert all(field.isfinite().all() for field in out)
    assert (out.plan >= 0).all()
    frames = torch.arange(out.plan.shape[1]) < torch.tensor(lengths_a)[:, None]
    tokens = torch.arange(out.plan.shape[2]) < torch.tensor(lengths_b)[:, None]
    assert (out.plan[~(frames[:, :, None] & tokens[:, None])] == 0).all()
    torch.testing.assert_close(out.plan.sum(1), tokens / tokens.sum(1, keepdim=True), atol=1e-5, rtol=0)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    T=SIZES,
    N=SIZES,
    cost_power=st.integers(-12, 6),
    epsilon_power=st.floats(-3, 1),
    alpha=st.sampled_from([0.0, 0.3, 1.0]),
    scheme=st.sampled_from(["proximal", "entropic"]),
    rho_a=st.sampled_from([None, 1e-3, 0.1, 10.0]),
    seed=st.integers(0, 1000),
)
def test_any_cost_and_epsilon(T, N, cost_power, epsilon_power, alpha, scheme, rho_a, seed):
    random = torch.Generator().manual_seed(seed)
    scales = 10.0**cost_power * torch.rand(3, generator=random)
    costs = [
        (scale * torch.rand(2, *shape, generator=random))
        for scale, shape in zip(scales, [(T, N), (T, T), (N, N)], strict=True)
    ]
    costs = [costs[0], costs[1] + costs[1].mT, costs[2] + costs[2].mT]
    costs = [cost.requires_grad_() for cost in costs]
    lengths = [T, (T + 1) // 2], [N, (N + 1) // 2]
    out = fused_gromov_wasserstein(
        *costs, *lengths, alpha=alpha, epsilon=10.0**epsilon_power, scheme=scheme, rho_a=rho_a
    )
    out.value.sum().backward()
    check(out, *lengths)
    assert all(cost.grad.isfinite().all() for cost in costs)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    T=SIZES,
    N=SIZES,
    frames=VECTORS,
    tokens=VECTORS,
    alpha=st.sampled_from([0.0, 0.5, 1.0]),
    epsilon=st.sampled_from([1e-3, 0.05, 10.0]),
    seed=st.integers(0, 1000),
)
def test_any_vectors_down_to_their_gradients(T, N, frames, tokens, alpha, epsilon, seed):
    X, Z = vectors(frames, 2, T, seed), vectors(tokens, 2, N, seed + 1)
    lengths = [T, (T + 1) // 2], [N, (N + 1) // 2]
    out = fused_gromov_wasserstein(
        cosine_node_cost(X, Z),
        cosine_edge_cost(X),
        cosine_edge_cost(Z),
        *lengths,
        alpha=alpha,
        epsilon=epsilon,
    )
    check(out, *lengths)
    projected = barycentric_projection(out.plan, X)
    (out.value.sum() + cosine_node_cost(projected, Z).sum()).backward()
    assert X.grad.isfinite().all()
    assert Z.grad.isfinite().all()
    entropy = coupling_entropy(out.plan, *lengths)
    assert ((entropy >= 0) & (entropy <= 1)).all()
