import pytest
import torch

from espnet_gmot import ot
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
    is_text = kwargs.pop("is_text", framed(tokens, embeddings.size(1)))
    return criterion(features, torch.tensor(lengths), embeddings, torch.tensor(tokens), is_text, **kwargs)


def framed(tokens, size):
    """The mask of texts with a special token on each side."""
    places, last = torch.arange(size), torch.tensor(tokens)[:, None] - 1
    return (places > 0) & (places < last)


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
        {"standardized_edges": True, "temporal_edge_weight": 0.5},
        {"balanced_costs": True, "start": "diagonal"},
        {"frame_marginal": "nonblank"},
        {"special_tokens": False},
        {"coupling": "monotonic"},
        {"coupling": "monotonic", "frame_marginal": "nonblank", "temporal_prior_weight": 0.5},
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


def test_monotonic_coupling_gives_frames_in_order_and_weighs_tokens_by_them():
    token = torch.tensor([0, 0, 1, 2, 2, 2, 2, 3, 4, 4, 5, 5])
    tokens = torch.eye(SIZE)[None, :N]
    frames = tokens[:, token] + 0.1
    output = aligned({"coupling": "monotonic"}, frames, tokens, lengths=(T,), tokens=(N,))
    torch.testing.assert_close(output.plan[0], torch.eye(N)[token] / T)
    projected = frames[0, [0, 2, 3, 7, 8, 10]]  # a token's frames are equal here
    distance = 1 - torch.cosine_similarity(projected, tokens[0], dim=-1)
    torch.testing.assert_close(output.loss_align, distance[1:-1].sum())  # text tokens
    assert output.statistics["coupling_entropy"] == 0


def test_monotonic_coupling_goes_with_fewer_frames_than_tokens():
    features = torch.randn(2, T, SIZE, generator=torch.Generator().manual_seed(0)).requires_grad_()
    output = aligned({"coupling": "monotonic", "contrastive_weight": 1.0}, features, lengths=(3, 1))
    loss = output.loss_fgw + output.loss_align + output.loss_contrastive
    (gradient,) = torch.autograd.grad(loss, features)
    assert loss.isfinite()
    assert gradient.isfinite().all()
    assert (output.plan.sum(1)[0] > 0).all()  # no token is left out


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


MASKS = {
    "none": [1, 1, 1, 1, 1, 1], "in front": [0, 1, 1, 1, 1, 1], "two behind": [1, 1, 1, 1, 0, 0],
    "in the middle": [1, 1, 0, 1, 0, 1],
}  # fmt: skip


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_special_tokens_may_stand_anywhere(mask):
    """They count nowhere but in the coupling, and without them all is as if they had never been there."""
    is_text = torch.tensor([mask, mask]) == 1
    embeddings = torch.randn(2, N, SIZE, generator=torch.Generator().manual_seed(1)).requires_grad_()
    given = {"embeddings": embeddings, "tokens": (6, 6), "is_text": is_text}
    kept = aligned({"alpha": 0.0}, **given)
    (gradient,) = torch.autograd.grad(kept.loss_align, embeddings)
    assert ((gradient.abs().sum(-1) > 0) == is_text).all()
    torch.testing.assert_close(kept.loss_fgw, sum(mask) * kept.statistics["fgw_node"])

    dropped = aligned({"special_tokens": False}, **given)
    text = embeddings[:, torch.tensor(mask) == 1]
    n = sum(mask)
    never = aligned(embeddings=text, tokens=(n, n), is_text=torch.ones(2, n, dtype=torch.bool))
    assert dropped.plan.shape == (2, T, n)
    torch.testing.assert_close(dropped.plan, never.plan)
    torch.testing.assert_close(dropped.loss_align, never.loss_align)


def test_utterances_of_a_batch_may_have_their_special_tokens_at_other_places():
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(2, T, SIZE, generator=generator)
    embeddings = torch.randn(2, N, SIZE, generator=generator)
    masks, lengths = [[1, 1, 0, 1, 0, 1], [0, 1, 1, 0, 0, 0]], (6, 4)
    for special_tokens in (True, False):
        options = {"special_tokens": special_tokens}
        together = aligned(options, features, embeddings, (T, T), lengths, is_text=torch.tensor(masks) == 1)
        alone = [
            aligned(
                options, features[b : b + 1], embeddings[b : b + 1, :n], (T,), (n,),
                is_text=torch.tensor(masks[b : b + 1])[:, :n] == 1,
            )
            for b, n in enumerate(lengths)
        ]  # fmt: skip
        for name in ("loss_fgw", "loss_align"):
            expected = sum(getattr(each, name) for each in alone) / 2
            torch.testing.assert_close(getattr(together, name), expected, atol=1e-5, rtol=1e-5)


def test_an_edge_weight_of_its_own_takes_the_place_of_alphas_share():
    conf = {"projected_side": "acoustic", "teacher_size": SIZE, "alpha": 0.3, "fgw_weight": 2.0}
    output = aligned({"alpha": 0.3})
    terms = [
        AlignmentCriterion(AlignmentOptions(**conf, edge_weight=weight), SIZE).weighted_terms(
            output, share=0.5
        )
        for weight in (None, 7.0)
    ]
    torch.testing.assert_close(terms[0]["edge"], 0.5 * 2.0 * 0.3 * output.loss_edge)
    torch.testing.assert_close(terms[1]["edge"], 0.5 * 7.0 * output.loss_edge)
    torch.testing.assert_close(terms[0]["node"], terms[1]["node"])


def test_the_search_may_begin_at_the_diagonal():
    """Of two couplings that cost the same, the order of the sentence decides."""
    tokens = torch.eye(SIZE)[None, [0, 1, 0]]  # the first and third are the same
    frames = tokens.repeat_interleave(3, dim=1)
    given = {"features": frames, "embeddings": tokens, "lengths": (9,), "tokens": (3,)}
    anywhere, ordered = (
        aligned({"start": start, "alpha": 0.0, "temporal_prior_sigma": 0.5}, **given).plan[0]
        for start in ("independent", "diagonal")
    )
    assert anywhere[:3, 2].sum() == pytest.approx(1 / 6, abs=1e-3)
    assert ordered[:3, 2].sum() < 0.02 and ordered[:3, 0].sum() > 0.3


def test_standardized_edges_of_both_kinds_count_by_their_shares():
    frames = torch.randn(1, T, SIZE, generator=torch.Generator().manual_seed(2))
    lengths = torch.tensor([T])
    options = AlignmentOptions(
        projected_side="acoustic", teacher_size=SIZE, standardized_edges=True, temporal_edge_weight=0.25
    )
    _, A, _ = AlignmentCriterion(options, SIZE)._costs(frames, lengths, frames, lengths)
    features = ot.standardized_edges(ot.cosine_edge_cost(frames), lengths)
    time = ot.standardized_edges(ot.temporal_edge_cost(lengths, T), lengths)
    torch.testing.assert_close(A, 0.75 * features + 0.25 * time)
