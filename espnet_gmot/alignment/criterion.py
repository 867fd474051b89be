"""The alignment losses: costs, coupling, and what is made of it."""

from dataclasses import dataclass

import torch
from torch import nn

from espnet_gmot import ot
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
        plan: couplings (batch, T, N), zero on padding.
        statistics: detached means over the batch, by name.
    """

    loss_node: torch.Tensor
    loss_edge: torch.Tensor
    loss_fgw: torch.Tensor
    loss_align: torch.Tensor
    plan: torch.Tensor
    statistics: dict[str, torch.Tensor]

    def logged(self, suffix: str) -> dict[str, torch.Tensor]:
        """Return losses and statistics, detached, by their names in the training log."""
        losses = {"loss_fgw": self.loss_fgw.detach(), "loss_align": self.loss_align.detach()}
        return {f"{name}{suffix}": value for name, value in (losses | self.statistics).items()}


class AlignmentCriterion(nn.Module):
    """Fused Gromov-Wasserstein and projection losses between encoder frames and teacher tokens.

        D = 1 − cos(x_i, z_j) + prior        A, B = 1 − cos within each side, mixed with temporal distance
        γ = argmin (1−α) ⟨D, γ⟩ + α Σ (A_ik − B_jl)² γ_ij γ_kl
        L_fgw = M · FGW(γ)                   L_align = Σ_j (1 − cos(z̃_j, z_j)),  z̃_j = Σ_i γ_ij x_i / q_j

    M counts an utterance's text tokens, which are those that j runs over: no special tokens. Both losses are
    averaged over the batch: the footing of ESPnet's CTC loss, so weights of order one mean something.

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
        nonblank: torch.Tensor | None = None,
        counted: torch.Tensor | None = None,
    ) -> AlignmentOutput:
        """Align a padded batch.

        Args:
            features: encoder frames in the common space, X (batch, T, d).
            feature_lengths: valid frames (batch,).
            embeddings: teacher embeddings with both special tokens, Z (batch, N, d_l).
            embedding_lengths: valid tokens (batch,).
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
                Z, embedding_lengths = Z[:, 1:-1], embedding_lengths - 2
            return self._align(X, feature_lengths, Z, embedding_lengths, nonblank, counted)

    def weighted_terms(self, aligned: AlignmentOutput, share: float = 1.0) -> dict[str, torch.Tensor]:
        """Return c (fgw_weight · L_fgw + align_weight · L_align) by its terms, which add up to it.

        Args:
            aligned: what :meth:`forward` gave.
            share: c, the block's weight relative to the last one's.

        Returns:
            ``node`` and ``edge``, the two terms of L_fgw with their shares 1−α and α, and ``projection``.
        """
        options = self.options
        return {
            "node": share * options.fgw_weight * (1.0 - options.alpha) * aligned.loss_node,
            "edge": share * options.fgw_weight * options.alpha * aligned.loss_edge,
            "projection": share * options.align_weight * aligned.loss_align,
        }

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
            alpha=options.alpha,
            epsilon=options.epsilon,
            scheme=options.scheme,
            max_iter=options.max_iter,
            sinkhorn_iter=options.sinkhorn_iter,
            rho_a=options.frame_relaxation,
            backend=options.backend,
        )
        is_text = self._text_mask(lengths_b, Z.size(1)).to(X.dtype)  # (batch, N)
        if counted is not None:
            is_text = is_text * counted.to(X)[:, None]
        num_tokens = is_text.sum(1)  # (batch,)
        projected = ot.barycentric_projection(fgw.plan, X)  # (batch, N, d)
        distance = 1.0 - torch.cosine_similarity(projected, Z, dim=-1)  # (batch, N)
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
            plan=fgw.plan,
            statistics={name: value.detach().mean() for name, value in statistics.items()},
        )

    def _costs(
        self, X: torch.Tensor, lengths_a: torch.Tensor, Z: torch.Tensor, lengths_b: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the costs D (batch, T, N), A (batch, T, T) and B (batch, N, N)."""
        options = self.options
        T, N = X.size(1), Z.size(1)
        D, A, B = ot.cosine_node_cost(X, Z), ot.cosine_edge_cost(X), ot.cosine_edge_cost(Z)
        if options.temporal_prior_weight > 0:
            prior = ot.temporal_prior(lengths_a, lengths_b, T, N, options.temporal_prior_sigma)
            D = D + options.temporal_prior_weight * prior.to(D)
        if options.temporal_edge_weight > 0:
            A = torch.lerp(A, ot.temporal_edge_cost(lengths_a, T).to(A), options.temporal_edge_weight)
            B = torch.lerp(B, ot.temporal_edge_cost(lengths_b, N).to(B), options.temporal_edge_weight)
        return D, A, B

    def _frame_marginal(self, nonblank: torch.Tensor | None, lengths: torch.Tensor) -> torch.Tensor | None:
        if self.options.frame_marginal == "uniform":
            return None
        if nonblank is None:
            raise InputError("frame_marginal: nonblank needs CTC's posterior of not being blank; give it")
        valid = within(lengths, nonblank.size(1))
        weight = (nonblank.detach().float() + NONBLANK_FLOOR) * valid  # (batch, T)
        return weight / weight.sum(1, keepdim=True)

    def _text_mask(self, lengths: torch.Tensor, size: int) -> torch.Tensor:
        """Mark the tokens of the transcript: all valid ones but the special tokens."""
        if not self.options.special_tokens:
            return within(lengths, size)
        text = within(lengths - 1, size)
        text[:, 0] = False
        return text


@torch.no_grad()
def _spread(Z: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Mean cosine distance between an utterance's tokens (batch,): near 0 after a collapse."""
    valid = within(lengths, Z.size(1)).to(Z)
    pairs = valid[:, :, None] * valid[:, None, :]  # (batch, N, N)
    return (ot.cosine_edge_cost(Z) * pairs).sum((1, 2)) / (lengths * (lengths - 1)).clamp(min=1)
