"""Scales of costs: their meaning on samples, what they leave alone, padding and gradients."""

import pytest
import torch

from espnet_gmot import ot

LENGTHS_A, LENGTHS_B = torch.tensor([7, 5]), torch.tensor([4, 3])


def costs(scale: float = 1.0, shift: float = 0.0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    D, A, B = (torch.rand(2, *size, generator=generator) for size in ((7, 4), (7, 7), (4, 4)))
    return D * scale, (A + A.mT) * scale + shift, (B + B.mT) * scale + shift


def valid(cost: torch.Tensor, problem: int) -> torch.Tensor:
    sizes = {7: LENGTHS_A, 4: LENGTHS_B}
    T, N = (int(sizes[size][problem]) for size in cost.shape[1:])
    return cost[problem, :T, :N]


@pytest.mark.parametrize("problem", [0, 1])
def test_standardized_edges_have_mean_0_and_deviation_1(problem: int):
    A = valid(ot.standardized_edges(costs()[1], LENGTHS_A), problem)
    torch.testing.assert_close(A.mean(), torch.tensor(0.0), atol=1e-6, rtol=0)
    torch.testing.assert_close(A.std(correction=0), torch.tensor(1.0))


def test_standardized_edges_do_not_know_unit_and_origin():
    _, A, _ = costs()
    torch.testing.assert_close(
        ot.standardized_edges(3 * A + 2, LENGTHS_A), ot.standardized_edges(A, LENGTHS_A), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.01, 1.0)])
@pytest.mark.parametrize("problem", [0, 1])
def test_balanced_terms_spread_by_1(problem: int, scale: float, shift: float):
    """Counted over all pairs, in float64; edge costs near 1 that hardly differ are those of BERT's tokens."""
    D, A, B = (
        valid(cost.double(), problem)
        for cost in ot.balanced_costs(*costs(scale, shift), LENGTHS_A, LENGTHS_B)
    )
    squares = (A.flatten()[:, None] - B.flatten()[None, :]) ** 2
    for term in (D, squares):
        assert term.std(correction=0).item() == pytest.approx(1.0, rel=1e-3)


def test_balancing_leaves_the_pattern_alone():
    for before, after in zip(costs(), ot.balanced_costs(*costs(), LENGTHS_A, LENGTHS_B), strict=True):
        ratio = valid(after, 1) / valid(before, 1)
        torch.testing.assert_close(ratio, ratio[:1, :1].expand_as(ratio))


def test_what_does_not_vary_stays_finite():
    """One frame and one token, and a side whose tokens are all alike."""
    one = torch.tensor([1, 1])
    for cost in ot.balanced_costs(*costs(), one, one):
        assert cost.isfinite().all()
    assert (ot.standardized_edges(torch.full((2, 7, 7), 0.3), LENGTHS_A) == 0).all()


@pytest.mark.parametrize("frames", [7, 50])
def test_a_difference_that_is_rounding_is_none(frames: int):
    """A deviation of a millionth of the cost: divided by it, loss and gradient would be made of rounding."""
    D = 0.71 + 2.5e-6 * torch.randn(1, frames, 1, generator=torch.Generator().manual_seed(0))
    one, all_frames = torch.tensor([1]), torch.tensor([frames])
    scaled, _, _ = ot.balanced_costs(D, torch.rand(1, frames, frames), torch.zeros(1, 1, 1), all_frames, one)
    assert torch.equal(scaled, D)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_a_small_difference_that_is_none_of_rounding_counts(shift: float):
    D = shift + 1e-3 * torch.rand(1, 50, 4, generator=torch.Generator().manual_seed(0))
    A, B = (shift + 1e-3 * torch.rand(1, size, size) for size in (50, 4))
    scaled, A, B = ot.balanced_costs(D, A, B, torch.tensor([50]), torch.tensor([4]))
    assert scaled.double().std(correction=0).item() == pytest.approx(1.0, rel=1e-3)
    squares = (A.double().flatten()[:, None] - B.double().flatten()[None, :]) ** 2
    assert squares.std(correction=0).item() == pytest.approx(1.0, rel=1e-3)


def test_padding_changes_nothing():
    plain = [*costs()]
    changed = [cost.clone() for cost in plain]
    for cost, T, N in zip(changed, (5, 5, 3), (3, 5, 3), strict=True):
        cost[1, T:], cost[1, :, N:] = torch.nan, torch.nan
    scaled = (ot.balanced_costs(*each, LENGTHS_A, LENGTHS_B) for each in (plain, changed))
    for a, b in zip(*scaled, strict=True):
        torch.testing.assert_close(valid(a, 1), valid(b, 1))
    a, b = (ot.standardized_edges(each[1], LENGTHS_A) for each in (plain, changed))
    torch.testing.assert_close(a, b)


def test_scales_are_constants_to_the_gradient():
    D, A, B = (cost.double().requires_grad_() for cost in costs())
    scaled = ot.balanced_costs(D, A, B, LENGTHS_A, LENGTHS_B)
    for cost, after in zip((D, A, B), scaled, strict=True):
        (gradient,) = torch.autograd.grad(after.sum(), cost)
        torch.testing.assert_close(gradient, (after / cost).detach())
