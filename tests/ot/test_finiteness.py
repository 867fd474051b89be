"""No NaN and no infinity, whatever the problem: 20,000 problems on each CPU backend."""

from typing import NamedTuple

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from espnet_gmot.ot import (
    barycentric_projection,
    cosine_edge_cost,
    cosine_node_cost,
    coupling_entropy,
)

BATCH = 64
EXAMPLES = 160  # of each of the two tests: 2 x 160 x 64 = 20,480 problems

DTYPES = st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.float16])
OPTIONS = st.fixed_dictionaries(
    {
        "alpha": st.sampled_from([0.0, 0.3, 1.0]),
        "epsilon": st.floats(-3, 1).map(lambda power: 10.0**power),
        "scheme": st.sampled_from(["proximal", "entropic"]),
        "rho_a": st.sampled_from([None, None, 1e-3, 0.1, 10.0]),
        "max_iter": st.sampled_from([1, 4, 10]),
        "sinkhorn_iter": st.sampled_from([1, 20, 45]),
        "overrelaxation": st.sampled_from([1.0, 1.9]),  # the latter with hard frames only
    }
).map(lambda options: options | {"overrelaxation": 1.0} if options["rho_a"] else options)
FRAMES = st.sampled_from([*range(1, 10), 70])
STARTS = st.sampled_from(["independent", "random", "one entry a frame"])


class Shapes(NamedTuple):
    """Lengths (BATCH,) and marginals (BATCH, T) and (BATCH, N) of a batch."""

    lengths_a: Tensor
    lengths_b: Tensor
    p: Tensor
    q: Tensor

    def valid(self) -> Tensor:
        frames = torch.arange(self.p.shape[1]) < self.lengths_a[:, None]
        tokens = torch.arange(self.q.shape[1]) < self.lengths_b[:, None]
        return frames[:, :, None] & tokens[:, None]  # (BATCH, T, N)


def pick(random: torch.Generator, *choices: Tensor) -> Tensor:
    """Take each problem of a batch from one of several batches, at random."""
    which = torch.randint(len(choices), (BATCH,), generator=random)
    return torch.stack(choices)[which, torch.arange(BATCH)]


def draw_marginal(random: torch.Generator, lengths: Tensor, size: int) -> Tensor:
    valid = torch.arange(size) < lengths[:, None]  # (BATCH, size)
    weights = torch.rand(BATCH, size, generator=random, dtype=torch.float64) + 0.1
    rare = torch.rand(BATCH, size, generator=random) < 0.5
    rare[:, 0] = False  # the first entry is always valid and keeps its weight
    single = torch.arange(size).expand(BATCH, -1) == 0
    weights = pick(
        random,
        torch.ones_like(weights),
        weights,
        torch.where(rare, 1e-8, weights),
        torch.where(rare, 0.0, weights),
        single.double(),
    )
    weights = torch.where(valid, weights, 0.0)
    return torch.where(valid, weights / weights.sum(1, keepdim=True), torch.nan)


def draw_shapes(random: torch.Generator, T: int, N: int) -> Shapes:
    lengths_a = torch.randint(1, T + 1, (BATCH,), generator=random)
    lengths_b = torch.randint(1, N + 1, (BATCH,), generator=random)
    p, q = draw_marginal(random, lengths_a, T), draw_marginal(random, lengths_b, N)
    return Shapes(lengths_a, lengths_b, p, q)


def draw_vectors(random: torch.Generator, size: int) -> Tensor:
    X = torch.randn(BATCH, size, 4, generator=random)
    one_zero = X.clone()
    one_zero[:, 0] = 0
    orthogonal = torch.eye(4)[torch.arange(size) % 4].expand(BATCH, -1, -1)
    return pick(random, X, torch.zeros_like(X), X[:, :1].expand_as(X), one_zero, orthogonal, 1e-5 * X)


def draw_start(kind: str, random: torch.Generator, valid: Tensor) -> Tensor | None:
    if kind == "independent":
        return None
    weights = torch.rand(valid.shape, generator=random)
    if kind == "one entry a frame":
        weights = torch.nn.functional.one_hot(torch.where(valid, weights, -1).argmax(2), valid.shape[2])
    weights = torch.where(valid, weights, 0.0)
    return torch.where(valid, weights / weights.sum((1, 2), keepdim=True), torch.nan)


def check(out, shapes: Shapes, relaxed: bool) -> None:
    """All is finite, the coupling is one, and its marginal error is the one reported."""
    assert all(field.isfinite().all() for field in out)
    p, q = (torch.nan_to_num(weights.double()) for weights in shapes[2:])  # padding holds NaN
    mass = (p[:, :, None] > 0) & (q[:, None] > 0)
    assert (out.plan >= 0).all()
    assert (out.plan[~mass] == 0).all()
    token_error = (out.plan.double().sum(1) - q).abs().sum(1)
    frame_error = 0 if relaxed else (out.plan.double().sum(2) - p).abs().sum(1)
    assert float(token_error.max()) < 3e-6  # measured: 4e-7
    reported = out.marginal_error.double()
    torch.testing.assert_close(reported, token_error + frame_error, atol=3e-6, rtol=0)  # measured: 4e-7


def test_any_cost(solve):
    solved = 0

    @settings(max_examples=EXAMPLES, derandomize=True, database=None)
    @given(FRAMES, st.integers(1, 9), DTYPES, OPTIONS, STARTS, st.integers(0, 10**6))
    def run(T, N, dtype, options, start, seed):
        nonlocal solved
        random = torch.Generator().manual_seed(seed)
        shapes = draw_shapes(random, T, N)
        largest = min(1e7, torch.finfo(dtype).max / 8)  # so that the gradient fits into float16, too
        costs = []
        for rows, columns in ((T, N), (T, T), (N, N)):
            cost = torch.rand(BATCH, rows, columns, generator=random)
            scale = 10.0 ** torch.randint(-12, 7, (BATCH, 1, 1), generator=random)
            cost = scale * (cost if (rows, columns) == (T, N) else cost + cost.mT)
            costs.append(cost.clamp_max(largest).to(dtype).requires_grad_())
        start = draw_start(start, random, shapes.valid())
        out = solve(*costs, *shapes, start=start, **options)
        out.value.sum().backward()
        check(out, shapes, options["rho_a"] is not None)
        assert all(cost.grad.isfinite().all() for cost in costs)
        assert (costs[0].grad[~shapes.valid()] == 0).all()
        solved += BATCH

    run()
    assert solved >= 10_000


def test_any_vectors_down_to_their_gradients(solve):
    solved = 0

    @settings(max_examples=EXAMPLES, derandomize=True, database=None)
    @given(FRAMES, st.integers(1, 9), DTYPES, OPTIONS, STARTS, st.integers(0, 10**6))
    def run(T, N, dtype, options, start, seed):
        nonlocal solved
        random = torch.Generator().manual_seed(seed)
        shapes = draw_shapes(random, T, N)
        X, Z = (draw_vectors(random, size).to(dtype).requires_grad_() for size in (T, N))
        costs = cosine_node_cost(X, Z), cosine_edge_cost(X), cosine_edge_cost(Z)
        out = solve(*costs, *shapes, start=draw_start(start, random, shapes.valid()), **options)
        check(out, shapes, options["rho_a"] is not None)
        projected = barycentric_projection(out.plan, X).to(dtype)
        (out.value.sum() + cosine_node_cost(projected, Z).sum()).backward()
        assert X.grad.isfinite().all()
        assert Z.grad.isfinite().all()
        entropy = coupling_entropy(out.plan, *shapes[:2])
        assert ((entropy >= 0) & (entropy <= 1)).all()
        solved += BATCH

    run()
    assert solved >= 10_000
