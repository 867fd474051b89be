"""Known answers of the coupling statistics."""

import torch

from espnet_gmot.ot import barycentric_projection, coupling_entropy

# Three frames and two tokens, then the same padded to four frames and three tokens.
SHARP = torch.tensor([[0.25, 0.0, 0.0], [0.25, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.0]])
BLUNT = torch.zeros(4, 3).index_put((torch.arange(3)[:, None], torch.arange(2)), torch.tensor(1 / 6))
PLANS, LENGTHS_A, LENGTHS_B = torch.stack([SHARP, BLUNT]), [3, 3], [2, 2]


def test_projection_averages_each_tokens_frames():
    X = torch.tensor([[[0.0], [2.0], [10.0], [99.0]]]).expand(2, -1, -1)
    expected = torch.tensor([[[1.0], [10.0], [0.0]], [[4.0], [4.0], [0.0]]])
    torch.testing.assert_close(barycentric_projection(PLANS, X), expected)


def test_projection_is_differentiable_in_frames_only_and_float32_under_autocast():
    plan = PLANS.clone().requires_grad_()
    X = torch.randn(2, 4, 3, requires_grad=True)
    expected = barycentric_projection(plan, X)
    expected[0, 0].sum().backward()
    assert plan.grad is None
    torch.testing.assert_close(X.grad[0], torch.tensor([[0.5], [0.5], [0.0], [0.0]]).expand(-1, 3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(barycentric_projection(plan, X), expected)


def test_entropy_runs_from_sharp_to_independent():
    torch.testing.assert_close(coupling_entropy(PLANS, LENGTHS_A, LENGTHS_B), torch.tensor([0.0, 1.0]))
    between = coupling_entropy(PLANS.mean(0, keepdim=True), [3], [2])
    assert 0 < float(between) < 1
    assert coupling_entropy(torch.ones(1, 1, 1), [1], [1]).tolist() == [0]
