"""The contrastive loss: its values by the definition, its negatives, equal tokens, shifted couplings."""

import math

import pytest
import torch

from espnet_gmot.alignment import AlignmentCriterion, AlignmentOptions
from espnet_gmot.alignment.contrastive import TEMPERATURE, contrastive_loss
from espnet_gmot.ot import barycentric_projection

SIZE = 16


def random_batch(*shape, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, SIZE, generator=random, dtype=torch.float64)


def cosine(x, y):
    return float(x @ y / x.norm() / y.norm())


def by_definition(projected, Z, is_text):
    """Token by token, as the docstring has it."""
    tokens = [(b, j) for b, j in is_text.nonzero().tolist()]
    losses = torch.zeros(len(Z), dtype=Z.dtype)
    for b, j in tokens:
        negatives = [k for k in tokens if k != (b, j) and 1 - cosine(Z[b, j], Z[k]) >= TEMPERATURE]
        terms = [math.exp(cosine(projected[b, j], Z[k]) / TEMPERATURE) for k in [(b, j), *negatives]]
        losses[b] -= math.log(terms[0] / sum(terms))
    return losses


@pytest.mark.parametrize("seed", range(3))
def test_values_are_those_of_the_definition(seed):
    Z = random_batch(3, 5, seed=seed)
    Z[1, 2] = Z[0, 3] + 0.01 * Z[1, 2]  # one character in two sentences
    projected = Z + random_batch(3, 5, seed=seed + 10)
    is_text = torch.tensor([[False, True, True, True, True], [False, True, True, False, False], [False] * 5])
    losses = contrastive_loss(projected, Z, is_text)
    torch.testing.assert_close(losses, by_definition(projected, Z, is_text))
    assert losses[2] == 0
    assert (losses[:2] > 0).all()


def test_one_token_has_no_negatives_and_costs_nothing():
    projected, is_text = random_batch(1, 3).requires_grad_(), torch.tensor([[False, True, False]])
    losses = contrastive_loss(projected, random_batch(1, 3, seed=1), is_text)
    (gradient,) = torch.autograd.grad(losses.sum(), projected)
    assert losses.tolist() == [0]
    assert (gradient == 0).all()


def test_a_batch_without_text_costs_nothing_and_still_has_a_gradient():
    projected = random_batch(2, 3).requires_grad_()
    losses = contrastive_loss(projected, random_batch(2, 3, seed=1), torch.zeros(2, 3, dtype=torch.bool))
    (gradient,) = torch.autograd.grad(losses.sum(), projected)
    assert losses.tolist() == [0, 0]
    assert (gradient == 0).all()


def test_the_same_token_twice_is_no_negative():
    Z = random_batch(2, 4)
    Z[0, 1], Z[1] = Z[0, 3], Z[0]  # one character twice, and the sentence twice in the batch
    everything = torch.ones(2, 4, dtype=torch.bool)
    assert contrastive_loss(Z, Z, everything).sum() < 1e-3  # with them it would be 2 log 2 + 2 log 4 and more
    projected = Z.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(contrastive_loss(projected, Z, everything).sum(), projected)
    assert gradient.norm() < 1e-3


def test_a_token_that_the_teacher_tells_apart_is_a_negative():
    near, far = (torch.tensor([[[1.0, 0.0], [math.cos(angle), math.sin(angle)]]]) for angle in (0.19, 0.21))
    text = torch.ones(1, 2, dtype=torch.bool)
    assert 1 - math.cos(0.19) < TEMPERATURE < 1 - math.cos(0.21)
    assert contrastive_loss(near.flip(1), near, text).item() == 0
    expected = 2 * math.log1p(math.exp((1 - math.cos(0.21)) / TEMPERATURE))
    assert contrastive_loss(far.flip(1), far, text).item() == pytest.approx(expected, rel=1e-4)


def test_what_is_no_text_may_hold_anything_and_changes_nothing():
    Z, projected = random_batch(2, 5), random_batch(2, 5, seed=1)
    is_text = torch.tensor([[False, True, True, True, False], [False, True, False, False, False]])
    expected = contrastive_loss(projected, Z, is_text)
    Z[~is_text] = projected[~is_text] = torch.nan
    projected.requires_grad_()
    losses = contrastive_loss(projected, Z, is_text)
    (gradient,) = torch.autograd.grad(losses.sum(), projected)
    torch.testing.assert_close(losses, expected)
    assert (gradient[~is_text] == 0).all()
    assert gradient.isfinite().all()


def test_gradients_by_finite_differences():
    Z, is_text = random_batch(2, 3), torch.tensor([[True, True, True], [True, False, True]])
    projected = (Z + random_batch(2, 3, seed=1)).requires_grad_()
    assert torch.autograd.gradcheck(lambda projected: contrastive_loss(projected, Z, is_text), projected)


def test_zero_vectors_give_finite_gradients():
    Z, projected = random_batch(1, 4), random_batch(1, 4, seed=1)
    Z[0, 1] = projected[0, 2] = 0
    projected.requires_grad_()
    losses = contrastive_loss(projected, Z, torch.ones(1, 4, dtype=torch.bool))
    (gradient,) = torch.autograd.grad(losses.sum(), projected)
    assert losses.isfinite().all() and gradient.isfinite().all()
    assert (gradient[0, 2] == 0).all()


def test_a_coupling_that_is_shifted_by_a_character_costs():
    """Tokens of one sentence are alike: the cosine distance hardly sees the shift, this loss does."""
    Z = random_batch(1, 1) * 4 + random_batch(1, 6, seed=1)  # mostly what all of them share
    frames = Z.repeat_interleave(3, dim=1)  # three frames a token
    right = torch.eye(6, dtype=torch.float64).repeat_interleave(3, dim=0)[None] / 18
    shifted = right.roll(1, dims=2)
    shifted[0, 15:, 0], shifted[0, 15:, 5] = 0, 1 / 18  # the last token keeps its frames too
    shifted[0, 0, 1], shifted[0, 0, 0] = 0, 1 / 18  # and the first one of its frames
    text = torch.ones(1, 6, dtype=torch.bool)
    costs, distances = [], []
    for plan in (right, shifted):
        projected = barycentric_projection(plan, frames)
        costs.append(contrastive_loss(projected, Z, text).item() / 6)
        distances.append((1 - torch.cosine_similarity(projected, Z, dim=-1)).mean().item())
    assert distances[1] - distances[0] < 0.1
    assert costs[1] - costs[0] > 1


def criterion(**options):
    conf = {"projected_side": "acoustic", "teacher_size": SIZE, "contrastive_weight": 0.5}
    return AlignmentCriterion(AlignmentOptions(**(conf | options)), SIZE)


def run(options=None, utterances=slice(None), lengths=(12, 9, 10), tokens=(6, 4, 5), **kwargs):
    X, Z = random_batch(3, 12).float(), random_batch(3, 6, seed=1).float()
    counted = kwargs.pop("counted", None)
    frames, size = max(lengths[utterances]), max(tokens[utterances])
    place = torch.arange(size)
    is_text = (place > 0) & (place < torch.tensor(tokens[utterances])[:, None] - 1)  # (batch, N)
    return criterion(**(options or {}))(
        X[utterances, :frames],
        torch.tensor(lengths[utterances]),
        Z[utterances, :size],
        torch.tensor(tokens[utterances]),
        is_text,
        counted=None if counted is None else counted[utterances],
    )


def test_it_is_off_by_default_and_has_its_name_in_log_and_terms():
    off = run({"contrastive_weight": 0.0})
    assert off.loss_contrastive is None
    assert "loss_contrastive" not in off.logged("")
    on = run()
    assert on.logged("_layer3")["loss_contrastive_layer3"] == on.loss_contrastive.detach()
    terms, half = criterion().weighted_terms(on), criterion().weighted_terms(on, share=0.5)
    assert terms.keys() == {"node", "edge", "projection", "contrastive"}
    torch.testing.assert_close(terms["contrastive"], 0.5 * on.loss_contrastive)
    torch.testing.assert_close(half["contrastive"], 0.25 * on.loss_contrastive)
    torch.testing.assert_close(on.loss_fgw, off.loss_fgw)


@pytest.mark.parametrize("special_tokens", [True, False])
def test_it_sums_over_text_tokens_and_averages_over_utterances(special_tokens):
    output = run({"special_tokens": special_tokens})
    Z = random_batch(3, 6, seed=1).float()
    is_text = torch.tensor([[0, 1, 1, 1, 1, 0], [0, 1, 1, 0, 0, 0], [0, 1, 1, 1, 0, 0]]).bool()
    if not special_tokens:
        Z, is_text = Z[:, 1:-1], is_text[:, 1:-1]
    projected = barycentric_projection(output.plan, random_batch(3, 12).float())
    expected = by_definition(projected.double(), Z.double(), is_text).sum() / 3
    torch.testing.assert_close(output.loss_contrastive.double(), expected, rtol=1e-4, atol=1e-4)


def test_utterances_that_do_not_count_are_no_negatives_either():
    counted = torch.tensor([True, False, True])
    some, alone = run(counted=counted), run(utterances=slice(0, 3, 2))
    torch.testing.assert_close(some.loss_contrastive * 3, alone.loss_contrastive * 2)
    assert run(counted=torch.zeros(3, dtype=torch.bool)).loss_contrastive == 0


def test_an_utterance_of_one_text_token_alone_costs_nothing():
    assert run(utterances=slice(0, 1), tokens=(3, 3, 3)).loss_contrastive == 0
