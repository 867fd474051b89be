import pytest
import torch

from espnet_gmot.alignment import AlignmentCriterion, AlignmentOptions
from espnet_gmot.errors import InputError
from espnet_gmot.ot import pot_loop

T, N, SIZE = 12, 6, 8


def aligned(options=None, features=None, embeddings=None, lengths=(12, 9), tokens=(6, 4), **kwargs):
    """Run the criterion on a batch of two; ``teacher_size`` 8 leaves both sides as they are."""
    free = {"temporal_prior_weight": 0.0}
    options = {"projected_side": "acoustic", "teacher_size": SIZE, **free, **(options or {})}
    criterion = AlignmentCriterion(AlignmentOptions(**options), SIZE)
    generator = torch.Generator().manual_seed(0)
    if features is None:
        features = torch.randn(2, T, SIZE, generator=generator)
    if embeddings is None:
        embeddings = torch.randn(2, N, SIZE, generator=generator)
    return criterion(features, torch.tensor(lengths), embeddings, torch.tensor(tokens), **kwargs)


def test_frames_that_repeat_the_tokens_cost_nothing():
    tokens = torch.eye(SIZE)[None, :N]
    frames = tokens.repeat_interleave(2, dim=1)  # each token lasts two frames
    output = aligned({"epsilon": 0.01, "max_iter": 50}, frames, tokens, lengths=(12,), tokens=(6,))
    assert output.loss_fgw.item() < 1e-3
    assert output.loss_align.item() < 1e-3
    expected = torch.eye(N).repeat_interleave(2, dim=0) / T
    torch.testing.assert_close(output.plan[0], expected, atol=1e-3, rtol=0)


def test_losses_count_text_tokens_and_average_over_utterances():
    alone = [
        aligned(features=torch.ones(1, T, SIZE) + torch.eye(T, SIZE), embeddings=torch.eye(N, SIZE)[None],
                lengths=(T,), tokens=(n,))
        for n in (6, 4)
    ]  # fmt: skip
    together = aligned(
        features=(torch.ones(1, T, SIZE) + torch.eye(T, SIZE)).repeat(2, 1, 1),
        embeddings=torch.eye(N, SIZE)[None].repeat(2, 1, 1),
        lengths=(T, T),
    )
    for name in ("loss_fgw", "loss_align"):
        mean = (getattr(alone[0], name) + getattr(alone[1], name)) / 2
        torch.testing.assert_close(getattr(together, name), mean)
    node, edge = (alone[0].statistics[name] for name in ("fgw_node", "fgw_edge"))
    torch.testing.assert_close(alone[0].loss_fgw, 4 * (0.5 * node + 0.5 * edge))  # 6 tokens, 2 special


def test_weighted_terms_add_up_to_the_blocks_share_of_both_losses():
    conf = {"projected_side": "acoustic", "teacher_size": SIZE, "alpha": 0.3}
    criterion = AlignmentCriterion(AlignmentOptions(**conf, fgw_weight=2.0, align_weight=0.7), SIZE)
    output = aligned({"alpha": 0.3})
    whole = 2.0 * output.loss_fgw + 0.7 * output.loss_align
    terms, half = criterion.weighted_terms(output), criterion.weighted_terms(output, share=0.5)
    assert terms.keys() == {"node", "edge", "projection"}
    torch.testing.assert_close(sum(terms.values()), whole)
    torch.testing.assert_close(sum(half.values()), 0.5 * whole)


def test_special_tokens_take_no_part_in_the_projection_loss():
    embeddings = torch.randn(2, N, SIZE, generator=torch.Generator().manual_seed(1))
    embeddings.requires_grad_()
    output = aligned({"alpha": 0.0}, embeddings=embeddings)
    (gradient,) = torch.autograd.grad(output.loss_align, embeddings)
    assert (gradient[0, [0, 5]] == 0).all()
    assert (gradient[1, [0, 3]] == 0).all()
    assert (gradient[0, 1:5].abs().sum(-1) > 0).all()


def test_dropping_special_tokens_equals_embeddings_without_them():
    embeddings = torch.randn(2, N, SIZE, generator=torch.Generator().manual_seed(1))
    dropped = aligned({"special_tokens": False}, embeddings=embeddings)
    changed = embeddings.clone()
    changed[:, 0] = 100.0
    changed[0, 5] = changed[1, 3] = -100.0
    torch.testing.assert_close(aligned({"special_tokens": False}, embeddings=changed).plan, dropped.plan)
    assert dropped.plan.shape == (2, T, N - 2)
    torch.testing.assert_close(dropped.plan.sum((1, 2)), torch.ones(2))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"alpha": 0.0},
        {"alpha": 1.0},
        {"scheme": "entropic"},
        {"temporal_prior_weight": 0.5, "temporal_edge_weight": 0.5},
        {"frame_relaxation": 1.0},
        {"frame_marginal": "nonblank"},
        {"special_tokens": False},
    ],
)
def test_padding_changes_nothing(options):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, T, SIZE, generator=generator, requires_grad=True)
    embeddings = torch.randn(2, N, SIZE, generator=generator)
    nonblank = torch.rand(2, T, generator=generator)
    batch = aligned(options, features, embeddings, nonblank=nonblank)
    (gradient,) = torch.autograd.grad(batch.loss_fgw + batch.loss_align, features)
    losses, gradients = 0.0, []
    for i, (t, n) in enumerate(((12, 6), (9, 4))):
        x = features[i : i + 1, :t].detach().requires_grad_()
        one = aligned(options, x, embeddings[i : i + 1, :n], (t,), (n,), nonblank=nonblank[i : i + 1, :t])
        loss = one.loss_fgw + one.loss_align
        gradients.append(torch.autograd.grad(loss, x)[0][0])
        losses = losses + loss / 2
    torch.testing.assert_close(batch.loss_fgw + batch.loss_align, losses, atol=1e-5, rtol=1e-5)
    assert (gradient[1, 9:] == 0).all()
    torch.testing.assert_close(gradient[0], gradients[0] / 2, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(gradient[1, :9], gradients[1] / 2, atol=1e-5, rtol=1e-4)


def test_temporal_prior_pulls_the_coupling_to_the_diagonal():
    def distance_from_diagonal(plan):
        i = torch.linspace(0, 1, T)[:, None]
        j = torch.linspace(0, 1, N)[None]
        return (plan[0] * (i - j).abs()).sum().item()

    free = distance_from_diagonal(aligned({"alpha": 0.0}).plan)
    prior = {"alpha": 0.0, "temporal_prior_weight": 10.0, "temporal_prior_sigma": 0.5}
    assert distance_from_diagonal(aligned(prior).plan) < 0.5 * free


def test_nonblank_posterior_moves_the_frames_mass():
    nonblank = torch.zeros(2, T)
    nonblank[:, 3] = 1.0
    options = {"frame_marginal": "nonblank", "alpha": 0.0, "sinkhorn_iter": 500}
    mass = aligned(options, nonblank=nonblank).plan.sum(2)[0]
    assert mass.argmax() == 3
    torch.testing.assert_close(mass[3] / mass[0], torch.tensor(11.0), atol=1e-3, rtol=0)


def test_half_precision_features_give_float32_losses():
    features = torch.randn(2, T, SIZE, generator=torch.Generator().manual_seed(0)).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = aligned(features=features)
    assert half.loss_fgw.dtype == torch.float32
    torch.testing.assert_close(half.loss_fgw, aligned(features=features.float()).loss_fgw)


def test_the_backend_asked_for_solves(monkeypatch):
    called = []
    solve = pot_loop.solve_one_by_one
    monkeypatch.setattr(pot_loop, "solve_one_by_one", lambda *args: called.append(1) or solve(*args))
    aligned({"backend": "pot"})
    assert called == [1]
    torch.testing.assert_close(aligned({"backend": "torch"}).loss_fgw, aligned().loss_fgw)


def test_spread_sees_a_collapse():
    collapsed = torch.ones(2, N, SIZE)
    assert aligned(embeddings=collapsed).statistics["token_spread"].item() == pytest.approx(0.0, abs=1e-5)
    apart = torch.eye(N, SIZE).repeat(2, 1, 1)
    assert aligned(embeddings=apart).statistics["token_spread"].item() == pytest.approx(1.0, abs=1e-5)


def test_embeddings_of_another_size_are_refused():
    with pytest.raises(InputError, match="size 5, but model_conf says teacher_size: 8"):
        aligned(embeddings=torch.randn(2, N, 5))
