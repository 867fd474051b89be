"""A trained model's couplings against the times at which the characters are spoken."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from espnet_gmot.alignment.options import OF_THE_COUPLING
from espnet_gmot.data.kaldi_data import read_data_dir
from espnet_gmot.errors import InputError
from espnet_gmot.trained.character_spans import Span, Spans, token_spans
from espnet_gmot.trained.couplings import frame_times, load_aligners, read_spoken


@dataclass(frozen=True)
class CouplingTiming:
    """Sums over the tokens or the mass of couplings; ``+`` adds them.

    Args:
        utterances, tokens: how many; tokens are those with characters: with most Chinese teachers each is
            one character.
        inside: Σ_j share of token j's mass on frames within its span.
        before, after: the same for the span of the token before it, and of the one after it.
        chance: the same for a coupling that spreads each token evenly over the utterance.
        error_ms: Σ_j |barycentre of token j's mass − middle of its span|, milliseconds.
        speech_mass: mass of all tokens on frames of speech.
        right_mass: the part of it on the token that is being spoken.
        special_mass: mass of the tokens without characters: [CLS], [SEP], a mark between words.
        special_silent: the part of it on frames outside all spans.
    """

    utterances: int = 0
    tokens: int = 0
    inside: float = 0.0
    before: float = 0.0
    after: float = 0.0
    chance: float = 0.0
    error_ms: float = 0.0
    speech_mass: float = 0.0
    right_mass: float = 0.0
    special_mass: float = 0.0
    special_silent: float = 0.0

    def __add__(self, other: "CouplingTiming") -> "CouplingTiming":
        return CouplingTiming(*map(add, astuple(self), astuple(other)))

    @property
    def is_astray(self) -> bool:
        """Whether tokens lie on a neighbour's span rather than on their own, or no better than anywhere."""
        return self.inside <= max(self.before, self.after, self.chance)

    def summary(self) -> dict[str, float | None]:
        """Means over tokens, shares of mass; None where there is nothing to take a share of."""
        return {
            "utterances": self.utterances,
            "tokens": self.tokens,
            "inside_own_span": self.inside / self.tokens,
            "inside_span_before": self.before / self.tokens,
            "inside_span_after": self.after / self.tokens,
            "inside_own_span_by_chance": self.chance / self.tokens,
            "barycentre_error_ms": self.error_ms / self.tokens,
            "on_right_character": _share(self.right_mass, self.speech_mass),
            "special_tokens_on_silence": _share(self.special_silent, self.special_mass),
        }


@torch.no_grad()
def measure_couplings(
    experiment: str | Path,
    guide: str | Path | None,
    checkpoint: str,
    data_dir: str | Path,
    spans: Spans,
    change: Mapping[str, Any] | None = None,
) -> CouplingTiming:
    """Align every utterance of a set and measure its coupling.

    Args:
        experiment: directory of the model.
        guide: directory of a GM-OT model whose objective a model without alignment gets.
        checkpoint: file name of the model in each directory.
        data_dir: Kaldi data directory; its transcripts must be in the teacher cache, if there is one.
        spans: when the characters of an utterance are spoken: :func:`character_spans.true_spans` or
            :func:`ctc_spans.ctc_spans`.
        change: options of the alignment that take the place of those that the model was trained with.

    Raises:
        InputError: an option is wrong or changes no coupling, a file is missing, the model has neither
            alignment nor guide, transcripts and times do not fit, or the teacher's tokenizer is not there or
            does not tell which characters a token stands for.
    """
    if fixed := sorted(set(change or {}) - set(OF_THE_COUPLING)):
        raise InputError(
            f"{fixed[0]} changes no coupling of a model that is trained already; what does: "
            f"{', '.join(OF_THE_COUPLING)}"
        )
    experiments = [("model", experiment)] + ([("guide", guide)] if guide else [])
    aligner = load_aligners(experiments, checkpoint)["model"]
    options = replace(aligner.guide.options, **(change or {}))
    aligner.guide.options = aligner.guide.criterion_align.options = options
    timing, left_out = CouplingTiming(), list[str]()
    count = len(read_data_dir(data_dir).text)
    for spoken in tqdm(read_spoken(data_dir), f"couplings {Path(data_dir).name}", count, unit="utt"):
        if (characters := spans(spoken)) is None:
            left_out.append(spoken.utterance)
            continue
        tokens = [row.token for row in aligner.rows(spoken)]
        of_tokens = token_spans(tokens, characters, spoken.utterance)
        plan, _ = aligner.align(spoken)
        frames = frame_times(aligner.model, spoken.rate, plan.size(0))
        timing += coupling_timing(plan.numpy(), frames, of_tokens)
    if not timing.utterances:
        raise InputError(f"{data_dir} has no utterance whose characters have times; name another set")
    if left_out:
        logging.warning(
            "%d utterances of %s, %s first, have too few frames for their transcripts and are left out",
            len(left_out), data_dir, left_out[0],
        )  # fmt: skip
    return timing


def coupling_timing(
    plan: np.ndarray, frame_times: np.ndarray, spans: Sequence[Span | None]
) -> CouplingTiming:
    """Measure one utterance's coupling.

        inside_j = Σ_{i: a_j ≤ t_i < b_j} γ_ij / Σ_i γ_ij,    before_j with a_(j-1), b_(j-1), after_j likewise
        error_j = |Σ_i γ_ij t_i / Σ_i γ_ij − (a_j + b_j) / 2|

    Args:
        plan: coupling γ (T, N), without padding.
        frame_times: middle t of each frame (T,), seconds.
        spans: start a and end b of each token, seconds; None for one without characters: a special token or
            a mark between words.

    Raises:
        InputError: the numbers of frames, tokens and spans do not fit.

    Example:
        >>> middles, spans = np.array([0.5, 1.5]), [(0, 1), (1, 2)]
        >>> timing = coupling_timing(np.eye(2) / 2, middles, spans)
        >>> timing.summary()["inside_own_span"], timing.summary()["barycentre_error_ms"]
        (1.0, 0.0)
    """
    if plan.shape != (len(frame_times), len(spans)):
        raise InputError(
            f"a coupling of {plan.shape[0]} frames and {plan.shape[1]} tokens does not fit "
            f"{len(frame_times)} frame times and {len(spans)} spans of tokens"
        )
    spoken = [place for place, span in enumerate(spans) if span is not None]
    special = np.delete(plan, spoken, axis=1)  # (T, N - n)
    text = plan[:, spoken]  # (T, n)
    starts, ends = np.array([spans[place] for place in spoken], dtype=np.float64).T  # (n,)
    within = (frame_times[:, None] >= starts) & (frame_times[:, None] < ends)  # (T, n)
    mass = text.sum(0)  # (n,)
    share = text.T @ within / mass[:, None]  # (n, n), of token j's mass in token k's span
    centre = frame_times @ text / mass  # (n,)
    silent = ~within.any(1)  # (T,)
    return CouplingTiming(
        utterances=1,
        tokens=len(spoken),
        inside=float(share.trace()),
        before=float(share.trace(-1)),
        after=float(share.trace(1)),
        chance=float(within.mean(0).sum()),
        error_ms=float(1000 * np.abs(centre - (starts + ends) / 2).sum()),
        speech_mass=float(plan[~silent].sum()),
        right_mass=float((text * within).sum()),
        special_mass=float(special.sum()),
        special_silent=float(special[silent].sum()),
    )


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None
