"""Pictures of couplings: which encoder frames each token of a transcript is aligned with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from espnet_gmot.errors import InputError
from espnet_gmot.files import write_aside
from espnet_gmot.trained.readable_labels import Labels, readable_labels

WIDTH = 8.0  # inches, of the whole figure
SPECTROGRAM_HEIGHT = 1.5  # inches
ROW_HEIGHT = 0.17  # inches a token
CTC_COLOUR = "#c25700"  # dark orange, apart from the blue of the couplings
PANEL_MARGIN = 0.6  # inches a panel, for title and CTC labels


@dataclass(frozen=True)
class CouplingPanel:
    """One system's coupling of one utterance.

    Args:
        title: name of the system.
        plan: coupling of frames and tokens (T, N), without padding.
        tokens: labels of the N tokens, special tokens included.
        frame_seconds: time from one encoder frame to the next.
        ctc: most likely CTC label of each frame (T,), "" for blank; None leaves the row out.
        start_seconds: time at which the first encoder frame begins.
    """

    title: str
    plan: np.ndarray
    tokens: Sequence[str]
    frame_seconds: float
    ctc: Sequence[str] | None = None
    start_seconds: float = 0.0

    def __post_init__(self) -> None:
        shape = np.shape(self.plan)
        if len(shape) != 2 or shape[1] != len(self.tokens) or 0 in shape:
            raise InputError(
                f"{self.title}: the coupling has shape {shape} "
                f"for {len(self.tokens)} tokens; give (frames, tokens)"
            )
        if not np.isfinite(self.plan).all():
            raise InputError(
                f"{self.title}: the coupling has a NaN or an infinity; decode with a sound model"
            )
        if self.ctc is not None and len(self.ctc) != shape[0]:
            raise InputError(
                f"{self.title}: {len(self.ctc)} CTC labels for {shape[0]} frames; give one a frame"
            )

    def shares(self) -> np.ndarray:
        """Share of each token's mass in each frame, p(t | n) = P_tn / Σ_t P_tn; shape (N, T)."""
        plan = np.asarray(self.plan, dtype=np.float64).T  # (N, T)
        mass = plan.sum(axis=1, keepdims=True)  # (N, 1)
        return np.divide(plan, mass, out=np.zeros_like(plan), where=mass > 0)


def plot_coupling(
    path: str | Path,
    spectrogram: np.ndarray,
    spectrogram_frame_seconds: float,
    panels: Sequence[CouplingPanel],
    title: str = "",
    spoken: Sequence[tuple[str, float, float]] = (),
) -> None:
    """Draw the utterance's spectrogram and below it the coupling of each system, on one time axis.

    A row of a coupling is one token; its colours sum to 1 along time, on one scale for all
    panels, so that a dark row means a token that sits on few frames. The labels above a panel
    stand where that system's CTC emits them.

    Args:
        path: the picture; its suffix (.png, .pdf) says the format.
        spectrogram: log-mel features or log power spectrum (frames, bins).
        spectrogram_frame_seconds: time from one of its frames to the next.
        panels: the systems, top to bottom.
        title: above everything, e.g. the utterance's id.
        spoken: true (label, start, end) of the characters in seconds, drawn as dotted lines.

    Raises:
        InputError: no panel, or a spectrogram without frames.
    """
    spectrogram = np.asarray(spectrogram)
    if spectrogram.ndim != 2 or spectrogram.size == 0:
        raise InputError(
            f"{title or path}: the spectrogram has shape {spectrogram.shape}; give (frames, bins)"
        )
    if not panels:
        raise InputError(f"{title or path}: there is no coupling to draw; give at least one system")
    labels = readable_labels(
        [token for panel in panels for token in (*panel.tokens, *(panel.ctc or ()))]
        + [char for char, *_ in spoken]
    )
    heights = [SPECTROGRAM_HEIGHT] + [len(panel.tokens) * ROW_HEIGHT + PANEL_MARGIN for panel in panels]
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.6), layout="constrained")
    top, *below = figure.subplots(len(heights), sharex=True, height_ratios=heights)
    _draw_spectrogram(top, spectrogram, spectrogram_frame_seconds)
    figure.suptitle(title, fontsize=10)

    shares = [panel.shares() for panel in panels]
    darkest = max(share.max() for share in shares)
    for axes, panel, share in zip(below, panels, shares, strict=True):
        image = _draw_panel(axes, panel, share, darkest, labels)
    _draw_spoken([top, *below], spoken, labels)
    bar = figure.colorbar(image, ax=below, pad=0.01, aspect=20 * len(below))
    bar.set_label("share of the token's mass", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    below[-1].set_xlabel("time (s)", fontsize=9)
    below[-1].tick_params(axis="x", labelsize=8)
    below[-1].set_xlim(0, len(spectrogram) * spectrogram_frame_seconds)
    with write_aside(path) as aside:
        figure.savefig(aside, dpi=200)


def _draw_spectrogram(axes: Axes, spectrogram: np.ndarray, frame_seconds: float) -> None:
    frames, bins = spectrogram.shape
    extent = (0, frames * frame_seconds, 0, bins)
    low, high = np.percentile(spectrogram, [2, 99.5])  # silence and clicks would take the contrast
    axes.imshow(
        spectrogram.T, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=low, vmax=high
    )
    axes.set_ylabel("frequency bin", fontsize=9)
    axes.tick_params(labelsize=8)


def _draw_panel(
    axes: Axes, panel: CouplingPanel, share: np.ndarray, darkest: float, labels: Labels
) -> AxesImage:
    tokens, frames = share.shape
    end = panel.start_seconds + frames * panel.frame_seconds
    extent = (panel.start_seconds, end, tokens - 0.5, -0.5)  # the first token on top
    scale = PowerNorm(0.5, vmin=0, vmax=darkest)  # the square root keeps diffuse rows visible
    image = axes.imshow(
        share, aspect="auto", extent=extent, cmap="Blues", norm=scale, interpolation="nearest"
    )
    axes.set_yticks(
        range(tokens), [labels.text[token] for token in panel.tokens], font=labels.font, fontsize=8
    )
    axes.set_yticks(np.arange(0.5, tokens - 1), minor=True)
    axes.grid(axis="y", which="minor", color="0.9", linewidth=0.5)
    axes.tick_params(axis="y", which="both", length=0)
    axes.set_ylabel(f"token{labels.note}", fontsize=9)
    axes.set_title(panel.title, loc="left", fontsize=10)
    if panel.ctc is not None:
        _draw_emissions(axes, panel, panel.ctc, labels)
    return image


def _draw_emissions(axes: Axes, panel: CouplingPanel, ctc: Sequence[str], labels: Labels) -> None:
    """Write the CTC labels above the panel, each with a line at the middle of its frames."""
    emissions = list(ctc_emissions(ctc, panel.frame_seconds))
    times = [panel.start_seconds + time for time, _ in emissions]
    names = [labels.text[token] for _, token in emissions]
    rotation = 90 if any(len(name) > 1 for name in names) else 0
    ruler = axes.secondary_xaxis("top")
    ruler.set_xticks(times, names, font=labels.font, fontsize=8, rotation=rotation, color=CTC_COLOUR)
    axes.set_title("lines and labels above: greedy CTC", loc="right", fontsize=8, color=CTC_COLOUR)
    for time in times:
        axes.axvline(time, color=CTC_COLOUR, linewidth=0.6, alpha=0.7)


def _draw_spoken(every: Sequence[Axes], spoken: Sequence[tuple[str, float, float]], labels: Labels) -> None:
    """Draw the true boundaries through all axes, and the characters above the first."""
    if not spoken:
        return
    for time in sorted({time for _, start, end in spoken for time in (start, end)}):
        for axes in every:
            axes.axvline(time, color="0.45", linewidth=0.7, linestyle=":")
    middles = [(start + end) / 2 for _, start, end in spoken]
    ruler = every[0].secondary_xaxis("top")
    ruler.set_xticks(middles, [labels.text[char] for char, *_ in spoken], font=labels.font, fontsize=8)
    ruler.tick_params(length=0)
    every[0].set_ylabel("frequency bin\n(dotted: spoken)", fontsize=8)


def ctc_emissions(frames: Sequence[str], frame_seconds: float) -> Iterator[tuple[float, str]]:
    """Give the middle (seconds) and label of each run of equal labels that is not blank ("").

    Example:
        >>> list(ctc_emissions(["", "a", "a", "", "b"], 0.5))
        [(1.0, 'a'), (2.25, 'b')]
    """
    start = 0
    for token, run in groupby(frames):
        end = start + len(list(run))
        if token:
            yield (start + end) / 2 * frame_seconds, token
        start = end
