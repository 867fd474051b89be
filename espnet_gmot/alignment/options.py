"""The options of the alignment losses: the one place for their defaults and their meaning."""

import math
from dataclasses import dataclass, fields
from typing import Any, Literal

import typeguard

from espnet_gmot.errors import InputError
from espnet_gmot.ot import BACKENDS, Scheme, SolverOptions, monotonic_gromov_wasserstein

# The options of ``coupling: transport`` alone, with the names that they have in ``ot``.
OF_TRANSPORT = {
    "epsilon": "epsilon",
    "scheme": "scheme",
    "max_iter": "max_iter",
    "sinkhorn_iter": "sinkhorn_iter",
    "frame_relaxation": "rho_a",
    "backend": "backend",
}
SEARCH_OF_TRANSPORT = (*OF_TRANSPORT, "start")
# What the coupling of given frames and tokens depends on.
OF_THE_COUPLING = (
    "special_tokens", "coupling", "alpha", *SEARCH_OF_TRANSPORT, "temporal_prior_weight",
    "temporal_prior_sigma", "temporal_edge_weight", "standardized_edges", "balanced_costs", "frame_marginal",
)  # fmt: skip


@dataclass(frozen=True)
class AlignmentOptions:
    """What ``model_conf`` of ``model: gmot`` may hold besides ESPnet's own keys.

    Every default is the project's own: the papers' abstracts do not state these values.
    D, A, B, p, q and γ are those of ``docs/method.md``.

    Teacher:
        teacher: Hugging Face name or local directory of a text model (docs/teachers.md) that is run during
            training. ``null`` when the preprocessor looks the embeddings up in a cache.
        teacher_layer: hidden layer that gives the embeddings; 0 is the embedding layer, −1 the last. A list,
            such as [-4, -3, -2, -1], asks for their mean. Only with ``teacher``.
        allow_download: whether the model hub may be asked for the teacher.
        special_tokens: whether [CLS], [SEP] and their like take part in the coupling, where they give frames
            of silence somewhere to go. They never take part in the projection loss. A teacher whose tokenizer
            adds none (GPT-2, Qwen2) is the same with and without.

    Projection:
        projected_side: ``teacher`` brings the embeddings to the encoder's size with a fixed map and
            adds nothing to the recogniser; ``acoustic`` lifts the encoder output to the
            teacher's size with a learned adapter (linear and layer norm).
        projection: ``.npz`` with the principal axes of the transcripts' embeddings, made by
            ``espnet_gmot.bin.fit_projection``; or ``random``, a fixed random orthonormal map, as a control.
            Needed for training with, and only for, ``projected_side: teacher``.
        teacher_size: size of the teacher's embeddings (768 for bert-base-chinese); needed for, and
            only for, ``projected_side: acoustic``.
        feedback: s in H̃ = H + s · out(X), the encoder output that CTC and decoder see; 0 leaves
            the recogniser a plain ESPnet model. Only for ``projected_side: acoustic``.

    Objective and solver:
        coupling: ``transport``, or ``monotonic``: of the couplings that give each frame one token, in order,
            and each token a frame, the one of least node cost (``ot.monotonic_gromov_wasserstein``). Tokens
            then weigh what frames they got, and ``epsilon``, ``scheme``, ``max_iter``, ``sinkhorn_iter``,
            ``frame_relaxation``, ``backend`` and ``start`` cannot be set.
        alpha: weight of the edge (graph) cost in [0, 1]; 0 is plain OT, 1 is Gromov-Wasserstein.
        epsilon: strength of the KL step (``proximal``) or of the entropy (``entropic``).
        scheme: ``proximal`` gives sharp couplings, ``entropic`` smooth ones.
        max_iter: mirror-descent steps.
        sinkhorn_iter: Sinkhorn iterations in each step; potentials carry over, so few are enough.
        temporal_prior_weight: weight of the order-preserving prior that is added to D; 0 leaves it out.
            In our experiments recognition was no worse without it (docs/experiments/findings.md).
        temporal_prior_sigma: width of that prior's Gaussian, in units of its distance ℓ(i, j).
        temporal_edge_weight: share in [0, 1] of temporal distance in the edge costs A and B.
        standardized_edges: whether each kind of edge cost gets mean 0 and deviation 1 on either side, before
            kinds are mixed and sides compared (``ot.standardized_edges``).
        balanced_costs: whether the node cost and the squared differences of the edge costs are divided by
            their spread under the independent coupling, so that α = 0.5 gives both half
            (``ot.balanced_costs``). The losses have these units too.
        start: where the search begins, at ``independent``, p qᵀ, or at ``diagonal``, a band of
            ``temporal_prior_sigma`` around the diagonal. The optimum sought is the same.
        frame_marginal: p, ``uniform`` or ``nonblank`` (by CTC's detached non-blank posterior).
        frame_relaxation: ρ of the KL penalty that replaces the hard frame marginal (unbalanced OT,
            tokens stay hard); ``null`` keeps it hard.
        backend: solver, ``auto`` (the fastest for the device) or one of ``torch``, ``numba``, ``triton``,
            ``pot`` (docs/solver.md).

    Weights:
        fgw_weight: weight of the fused Gromov-Wasserstein loss. With the temporal prior, weights of 1 without
            warm-up gained half as much as those of 5 with it (docs/experiments/findings.md).
        edge_weight: weight of the edge cost in that loss, in place of α · ``fgw_weight``; ``null`` for that.
            The search keeps α.
        align_weight: weight of the projection loss Σ_j (1 − cos(z̃_j, z_j)).
        contrastive_weight: weight of the contrastive loss, which sets each token's frames apart from the
            other text tokens of the batch (``alignment/contrastive.py``); 0 leaves it out. Not tried yet.
        intermediate_weight: weight, relative to the last block's, of these losses at each block in
            ``encoder_conf: interctc_layer_idx``, added up; 0 aligns the last block alone. ESPnet's
            ``interctc_weight`` is independent of it and may be 0. With ``projected_side: acoustic``
            all blocks share the adapter, with ``frame_marginal: nonblank`` the last block's posterior.
        consistency_weight: weight of CR-CTC's consistency loss (``espnet_gmot/consistency.py``), which needs
            no teacher: each utterance of a training batch is encoded twice, under other masks, and all losses
            are means over both. It doubles a batch's work, and has no warm-up. The paper has 0.2.
        warmup_steps: mini-batches over which the weights before it rise linearly from 0. Weights of 3 at once
            fell behind CTC early; 1,000 is the one length that our experiments had, a third of their
            training (14 of 40 epochs). A training of other length wants another.
    """

    teacher: str | None = None
    teacher_layer: int | list[int] = -1
    allow_download: bool = False
    special_tokens: bool = True
    projected_side: Literal["teacher", "acoustic"] = "teacher"
    projection: str | None = None
    teacher_size: int | None = None
    feedback: float = 0.0
    coupling: Literal["transport", "monotonic"] = "transport"
    alpha: float = SolverOptions.alpha
    epsilon: float = SolverOptions.epsilon
    scheme: Scheme = SolverOptions.scheme
    max_iter: int = SolverOptions.max_iter
    sinkhorn_iter: int = 10
    temporal_prior_weight: float = 0.0
    temporal_prior_sigma: float = 1.0
    temporal_edge_weight: float = 0.0
    standardized_edges: bool = False
    balanced_costs: bool = False
    start: Literal["independent", "diagonal"] = "independent"
    frame_marginal: Literal["uniform", "nonblank"] = "uniform"
    frame_relaxation: float | None = None
    backend: str = "auto"
    fgw_weight: float = 5.0
    edge_weight: float | None = None
    align_weight: float = 5.0
    contrastive_weight: float = 0.0
    consistency_weight: float = 0.0
    intermediate_weight: float = 0.0
    warmup_steps: int = 1000

    def __post_init__(self) -> None:
        for field in fields(self):
            self._check_type(field.name, field.type)
        self._check_ranges()
        self._check_sides()
        if self.coupling == "monotonic":
            self._require_defaults_of_transport()

    @classmethod
    def take_from(cls, conf: dict[str, Any]) -> "AlignmentOptions":
        """Take this class's keys out of ``conf``, which keeps the others.

        Example:
            >>> conf = {"alpha": 0.3, "ctc_weight": 1.0}
            >>> AlignmentOptions.take_from(conf).alpha, conf
            (0.3, {'ctc_weight': 1.0})
        """
        return cls(**{field.name: conf.pop(field.name) for field in fields(cls) if field.name in conf})

    @property
    def needs_teacher(self) -> bool:
        """Whether a loss that has a weight is one of the alignment."""
        return any([self.fgw_weight, self.edge_weight, self.align_weight, self.contrastive_weight])

    def solver(self) -> dict[str, Any]:
        """Give what ``ot.fused_gromov_wasserstein_of_vectors`` has to know to find the coupling."""
        if self.coupling == "monotonic":
            return {"alpha": self.alpha, "solve": monotonic_gromov_wasserstein}
        return {"alpha": self.alpha} | {name: getattr(self, key) for key, name in OF_TRANSPORT.items()}

    def _require_defaults_of_transport(self) -> None:
        given = [
            field.name
            for field in fields(self)
            if field.name in SEARCH_OF_TRANSPORT and getattr(self, field.name) != field.default
        ]
        if given:
            raise InputError(
                f"model_conf: {', '.join(given)} cannot be set with coupling: monotonic, which has no "
                "iterations and no marginals to relax; leave out, or set coupling: transport"
            )

    def _check_type(self, name: str, expected: Any) -> None:
        value = getattr(self, name)
        if not _fits(value, expected):
            wanted = expected.__name__ if isinstance(expected, type) else str(expected).replace("typing.", "")
            hint = " (YAML reads 5e-2 as text: write 5.0e-2)" if expected is float else ""
            raise InputError(f"model_conf: {name} is {value!r} and must be {wanted}{hint}")

    def _check_ranges(self) -> None:
        def check(name: str, holds: bool, rule: str) -> None:
            if not holds:
                raise InputError(f"model_conf: {name} is {getattr(self, name)} and must be {rule}")

        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            check(name, not isinstance(value, float) or math.isfinite(value), "finite")
        for name in ("alpha", "temporal_edge_weight"):
            check(name, 0.0 <= getattr(self, name) <= 1.0, "in [0, 1]")
        for name in ("epsilon", "temporal_prior_sigma"):
            check(name, getattr(self, name) > 0.0, "positive")
        for name in ("feedback", "temporal_prior_weight", "consistency_weight", "warmup_steps"):
            check(name, getattr(self, name) >= 0, "0 or positive")
        for name in ("fgw_weight", "align_weight", "contrastive_weight", "intermediate_weight"):
            check(name, getattr(self, name) >= 0, "0 or positive")
        for name in ("max_iter", "sinkhorn_iter"):
            check(name, getattr(self, name) >= 1, "1 or more")
        check("edge_weight", self.edge_weight is None or self.edge_weight >= 0, "0 or positive, or null")
        for name in ("frame_relaxation", "teacher_size"):
            check(name, getattr(self, name) is None or getattr(self, name) > 0, "positive, or null")
        backends = ("auto", *BACKENDS)
        check("backend", self.backend in backends, f"one of {', '.join(backends)}")
        if self.backend == "pot" and self.frame_relaxation is not None:
            raise InputError("model_conf: frame_relaxation needs another backend than pot, such as auto")
        if self.teacher is None and self.teacher_layer != -1:
            raise InputError(
                "model_conf: teacher_layer is for a teacher that the model runs; a cache holds the layer "
                "chosen with --layer of espnet_gmot.bin.cache_teacher"
            )

    def _check_sides(self) -> None:
        if self.projected_side == "acoustic":
            if self.teacher_size is None:
                raise InputError(
                    "model_conf: projected_side: acoustic needs teacher_size, the size of the teacher's "
                    "embeddings (768 for bert-base-chinese)"
                )
            if self.projection is not None:
                raise InputError("model_conf: projection is for projected_side: teacher; leave it out")
        else:
            if self.feedback > 0:
                raise InputError("model_conf: feedback needs projected_side: acoustic")
            if self.teacher_size is not None:
                raise InputError("model_conf: teacher_size is for projected_side: acoustic; leave it out")


def _fits(value: Any, expected: Any) -> bool:
    """Whether a value has the type of its option; for a number, true and false have not."""
    if isinstance(value, bool):
        return expected is bool
    try:
        typeguard.check_type(value, expected)
    except typeguard.TypeCheckError:
        return False
    return True
