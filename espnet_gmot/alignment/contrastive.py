"""The contrastive loss: the frames of a token are told apart from the other tokens of the batch."""

import torch
from torch.nn.functional import cross_entropy

from espnet_gmot import ot

# τ, that of CIF-HieraDist's script for AISHELL-1. No option: the weight scales the pull, up to weight / τ.
TEMPERATURE = 0.02


def contrastive_loss(projected: torch.Tensor, Z: torch.Tensor, is_text: torch.Tensor) -> torch.Tensor:
    """Sum each utterance's InfoNCE losses, one a text token, against the text tokens of the whole batch.

        ℓ_j = −log [ exp(cos(z̃_j, z_j) / τ) / Σ_k exp(cos(z̃_j, z_k) / τ) ]

    k runs over j itself and over its negatives: all text tokens of the batch with 1 − cos(z_j, z_k) ≥ τ.
    Closer ones are left out: the temperature hardly tells them from j (their factor would be above 1/e of
    j's own where z̃_j = z_j), so they would push z̃_j away from where it belongs. Such are the tokens of a
    sentence that is twice in the batch, or one character repeated without a context that sets it apart. A
    character in two contexts that the teacher does tell apart stays a negative: that is the teacher's
    knowledge.

    Args:
        projected: frames of each token, z̃ (batch, N, d); gradients flow to them.
        Z: teacher's embeddings (batch, N, d).
        is_text: tokens that have a loss and are others' negatives (batch, N); the rest may hold anything.

    Returns:
        (batch,), 0 for an utterance without text tokens. It depends on the other utterances of the batch.

    Source: Han et al., arXiv 2301.13003: a contrastive loss between CIF's acoustic vectors and BERT's
    embeddings, token by token (known to us from its abstract and from the authors' repository
    MingLunHan/CIF-HieraDist; that draws 700 negatives and leaves out none but j itself). InfoNCE: van den
    Oord et al., arXiv 1807.03748.

    Example:
        >>> Z = torch.eye(2)[None]
        >>> text = torch.tensor([[True, True]])
        >>> [round(contrastive_loss(each, Z, text).item()) for each in (Z, Z.flip(1))]  # right, and swapped
        [0, 100]
    """
    queries, keys = projected[is_text], Z[is_text]  # (M, d) each
    logits = -ot.cosine_node_cost(queries[None], keys[None])[0] / TEMPERATURE  # (M, M), up to a constant
    with torch.no_grad():
        same = ot.cosine_edge_cost(keys[None])[0] < TEMPERATURE
        same.fill_diagonal_(False)
    own = torch.arange(len(keys), device=keys.device)
    losses = cross_entropy(logits.masked_fill(same, -torch.inf), own, reduction="none")  # (M,)
    return losses.new_zeros(is_text.shape).masked_scatter(is_text, losses).sum(1)
