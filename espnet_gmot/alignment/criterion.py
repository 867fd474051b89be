"""The alignment losses: costs, coupling, and what is made of it."""

from dataclasses import dataclass

import torch
from torch import nn

from espnet_gmot import ot
from espnet_gmot.alignment.contrastive import contrastive_loss
from espnet_gmot.alignment.options import AlignmentOptions
from espnet_gmot.alignment.projection import TeacherProjection
from espnet_gmot.errors import InputError
from espnet_gmot.ot.problem import within

# Keeps every frame's weight positive where CTC is sure of blank: p ∝ posterior + NONBLANK_FLOOR.
NONBLANK_FLOOR = 0.1


@dataclass(frozen=True)
class AlignmentOutput:
    """What one batch gives.

    Attributes:
        loss_node: mean over utterances of the coupling's node cost × number of text tokens; as in all
            losses, an utterance that does not count has 0.
        loss_edge: the same of its edge cost.
        loss_fgw: (1−α) loss_node + α loss_edge.
        loss_align: mean over utterances of Σ_j (1 − cos(z̃_j, z_j)) over the text tokens.
        loss_contrastive: mean over utterances of :func:`contrastive_loss`; None without a weight.
        plan: couplings (batch, T, N), zero on padding.
        statistics: detached means over the batch, by name.
    """

    loss_node: torch.Tensor
    loss_edge: torch.Tensor
    loss_fgw: torch.Tensor
    loss_align: torch.Tensor
    loss_contrastive: torch.Tensor | None
    plan: torch.Tensor
    statistics: dict[str, torch.Tensor]

    def logged(self, suffix: str) -> dict[str, torch.Tensor]:
        """Return losses and statistics, detached, by their names in the training log."""
        losses = {"loss_fgw": self.loss_fgw.detach(), "loss_align": self.loss_align.detach()}
        if self.loss_contrastive is not None:
            losses["loss_contrastive"] = self.loss_contrastive.detach()
        return {f"{name}{suffix}": value for name, value in (losses | self.statistics).items()}


class AlignmentCriterion(nn.Module):
    """Fused Gromov-Wasserstein and projection losses between encoder frames and teacher tokens.

        D = 1 − cos(x_i, z_j) + prior        A, B = 1 − cos within each side, mixed with temporal distance
        γ = argmin (1−α) ⟨D, γ⟩ + α Σ (A_ik − B_jl)² γ_ij γ_kl
        L_fgw = M · FGW(γ)                   L_align = Σ_j (1 − cos(z̃_j, z_j)),  z̃_j = Σ_i γ_ij x_i / q_j

    M counts an utterance's text tokens, which are those that j runs over: no special tokens. The losses are
    averaged over the batch: the footing of ESPnet's CTC loss, so weights of order one mean something. With
    ``coupling: monotonic`` γ is the cheapest monotonic one instead, and z̃_j divides by what token j got. The
    contrastive loss, off by default, is :func:`contrastive_loss`.

    Args:
        options: the alignment options.
        encoder_size: size d_a of the encoder output.

    Source: arXiv 2505.13079 (objective); 2309.13650 (projection onto the tokens).
    """

    def __init__(self, options: AlignmentOptions, encoder_size: int):
        super().__init__()
        self.options = options
        self.project = None
        if options.projected_side == "teacher":
            self.project = TeacherProjection(options.projection, encoder_size)

    def forward(
        self,
        features: torch.Tensor,
        feature_lengths: torch.Tensor,
        embeddings: torch.Tensor,
        embedding_lengths: torch.Tensor,
        is_text: torch.Tensor,
        nonblank: torch.Tensor | None = None,
        counted: torch.Tensor | None = None,
    ) -> AlignmentOutput:
        """Align a padded batch.

        Args:
            features: encoder frames in the common space, X (batch, T, d).
            feature_lengths: valid frames (batch,).
            embeddings: teacher embeddings, special tokens included, Z (batch, N, d_l).
            embedding_lengths: valid tokens (batch,).
            is_text: tokens of the text (batch, N), bool: false for special tokens and padding.
            nonblank: CTC's non-blank posterior (batch, T), for ``frame_marginal: nonblank``.
            counted: utterances whose losses count (batch,), those of the others being 0; None for all.

        Raises:
            InputError: the embeddings have not the size that the adapter was built for, or ``nonblank`` is
                missing where the options ask for it.
        """
        with torch.autocast(features.device.type, enabled=False):
            X = features.float()
            Z = embeddings.to(X.device, X.dtype)
            feature_lengths = feature_lengths.to(X.device)  # ESPnet's RNN encoders give them on the CPU
            if self.project is not None:
                Z = self.project(Z)
            if Z.size(-1) != X.size(-1):
                raise InputError(
                    f"the teacher's embeddings have size {Z.size(-1)}, but model_conf says teacher_size: "
                    f"{X.size(-1)}; set teacher_size to the teacher's hidden size"
                )
            if not self.options.special_tokens:
                Z, is_text = _text_alone(Z, is_text)
                embedding_lengths = is_text.sum(1)
            return self._align(X, feature_lengths, Z, embedding_lengths, is_text, nonblank, counted)

    def weighted_terms(self, aligned: AlignmentOutput, share: float = 1.0) -> dict[str, torch.Tensor]:
        """Return c times the weighted losses by their terms, which add up to it.

            c (fgw_weight · L_fgw + align_weight · L_align + contrastive_weight · L_contrastive)

        Args:
            aligned: what :meth:`forward` gave.
            share: c, the block's weight relative to the last one's.

        Returns:
            ``node`` and ``edge``, the two terms of L_fgw with their shares 1−α and α (or ``edge_weight``),
            ``projection``, and ``contrastive`` if it has a weight.
        """
        options = self.options
        edge_weight = options.fgw_weight * options.alpha
        if options.edge_weight is not None:
            edge_weight = options.edge_weight
        terms = {
            "node": share * options.fgw_weight * (1.0 - options.alpha) * aligned.loss_node,
            "edge": share * edge_weight * aligned.loss_edge,
            "projection": share * options.align_weight * aligned.loss_align,
        }
        if aligned.loss_contrastive is not None:
            terms["contrastive"] = share * options.contrastive_weight * aligned.loss_contrastive
        return terms

    def require_projection(self) -> None:
        """Refuse to train where ``projected_side: teacher`` has no projection.

        Raises:
            InputError: none is named, or the file is missing or damaged; with the command that makes one.
        """
        if self.project is not None:
            self.project.require()

    def _align(
        self,
        X: torch.Tensor,
        lengths_a: torch.Tensor,
        Z: torch.Tensor,
        lengths_b: torch.Tensor,
        is_text: torch.Tensor,
        nonblank: torch.Tensor | None,
        counted: torch.Tensor | None,
    ) -> AlignmentOutput:
        options = self.options
        fgw = ot.fused_gromov_wasserstein_of_vectors(
            X,
            Z,
            lengths_a,
            lengths_b,
            self._costs,
            p=self._frame_marginal(nonblank, lengths_a),
            start=self._start(lengths_a, lengths_b, X.size(1), Z.size(1)),
            **options.solver(),
        )
        is_text = is_text.to(X)  # (batch, N)
        if counted is not None:
            is_text = is_text * counted.to(X)[:, None]
        num_tokens = is_text.sum(1)  # (batch,)
        projected = ot.barycentric_projection(fgw.plan, X)  # (batch, N, d)
        distance = 1.0 - torch.cosine_similarity(projected, Z, dim=-1)  # (batch, N)
        contrastive = None
        if options.contrastive_weight > 0:
            contrastive = contrastive_loss(projected, Z, is_text > 0).mean()
        statistics = {
            "fgw_node": fgw.node,
            "fgw_edge": fgw.edge,
            "marginal_error": fgw.marginal_error,
            "coupling_entropy": ot.coupling_entropy(fgw.plan, lengths_a, lengths_b),
            "token_spread": _spread(Z, lengths_b),
        }
        return AlignmentOutput(
            loss_node=(fgw.node * num_tokens).mean(),
            loss_edge=(fgw.edge * num_tokens).mean(),
            loss_fgw=(fgw.value * num_tokens).mean(),
            loss_align=(distance * is_text).sum(1).mean(),
            loss_contrastive=contrastive,
            plan=fgw.plan,
            statistics={name: value.detach().mean() for name, value in statistics.items()},
        )

    def _costs(
        self, X: torch.Tensor, lengths_a: torch.Tensor, Z: torch.Tensor, lengths_b: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the costs D (batch, T, N), A (batch, T, T) and B (batch, N, N)."""
        options = self.options
        T, N = X.size(1), Z.size(1)
        D = ot.cosine_node_cost(X, Z)
        if options.temporal_prior_weight > 0:
            prior = ot.temporal_prior(lengths_a, lengths_b, T, N, options.temporal_prior_sigma)
            D = D + options.temporal_prior_weight * prior.to(D)
        A, B = self._edge_cost(X, lengths_a), self._edge_cost(Z, lengths_b)
        return ot.balanced_costs(D, A, B, lengths_a, lengths_b) if options.balanced_costs else (D, A, B)

    def _edge_cost(self, X: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return the edge cost (batch, T, T) of one side, of features, of time, or mixed."""
        share = self.options.temporal_edge_weight
        scaled = ot.standardized_edges if self.options.standardized_edges else _as_it_is
        if share == 0:
            return scaled(ot.cosine_edge_cost(X), lengths)
        time = scaled(ot.temporal_edge_cost(lengths, X.size(1)).to(X), lengths)
        return time if share == 1 else torch.lerp(scaled(ot.cosine_edge_cost(X), lengths), time, share)

    def _start(self, lengths_a: torch.Tensor, lengths_b: torch.Tensor, T: int, N: int) -> torch.Tensor | None:
        """Return where the search begins (batch, T, N), None at the independent coupling."""
        if self.options.start == "independent":
            return None
        return ot.diagonal_coupling(lengths_a, lengths_b, T, N, self.options.temporal_prior_sigma)

    def _frame_marginal(self, nonblank: torch.Tensor | None, lengths: torch.Tensor) -> torch.Tensor | None:
        if self.options.frame_marginal == "uniform":
            return None
        if nonblank is None:
            raise InputError("frame_marginal: nonblank needs CTC's posterior of not being blank; give it")
        valid = within(lengths, nonblank.size(1))
        weight = (nonblank.detach().float() + NONBLANK_FLOOR) * valid  # (batch, T)
        return weight / weight.sum(1, keepdim=True)


def _as_it_is(cost: torch.Tensor, _lengths: torch.Tensor) -> torch.Tensor:
    return cost


def _text_alone(Z: torch.Tensor, is_text: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Move the tokens of the text to the front, in their order, and cut the others off: Z and its mask."""
    is_text, order = is_text.to(Z.device).sort(dim=1, descending=True, stable=True)  # (batch, N)
    longest = int(is_text.sum(1).max())
    return Z.take_along_dim(order[:, :longest, None], 1), is_text[:, :longest]


@torch.no_grad()
def _spread(Z: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Mean cosine distance between an utterance's tokens (batch,): near 0 after a collapse."""
    valid = within(lengths, Z.size(1)).to(Z)
    pairs = valid[:, :, None] * valid[:, None, :]  # (batch, N, N)
    return (ot.cosine_edge_cost(Z) * pairs).sum((1, 2)) / (lengths * (lengths - 1)).clamp(min=1)
