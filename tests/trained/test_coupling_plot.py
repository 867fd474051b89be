"""The picture of couplings: what the arrays become, and what is drawn where."""

import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from espnet_gmot.errors import InputError
from espnet_gmot.trained.coupling_plot import CouplingPanel, ctc_emissions, plot_coupling

TOKENS = ["[CLS]", "天", "气", "[SEP]"]
CTC = ["", "天", "天", "", "天", "气", "", ""]


def panel(title="gmot", **changes):
    plan = np.kron(np.eye(4), np.ones((2, 1))) / 8  # two frames a token
    return CouplingPanel(**{"title": title, "plan": plan, "tokens": TOKENS, "frame_seconds": 0.04} | changes)


def test_shares_sum_to_one_a_token_and_an_empty_token_stays_empty():
    plan = np.array([[0.1, 0.0], [0.3, 0.0]])
    np.testing.assert_allclose(panel(plan=plan, tokens=["a", "b"]).shares(), [[0.25, 0.75], [0.0, 0.0]])


def test_ctc_runs_are_merged_and_a_blank_parts_equal_labels():
    times, labels = zip(*ctc_emissions(CTC, 0.04), strict=True)
    assert labels == ("天", "天", "气")
    np.testing.assert_allclose(times, [0.08, 0.18, 0.22])


@pytest.fixture
def figures(monkeypatch):
    """The figures that were saved."""
    saved = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *args, **kw: (saved.append(self), save(self, *args, **kw))
    )
    return saved


def test_all_panels_share_the_time_axis_and_the_colours(tmp_path, figures):
    flat = np.full((8, 4), 1 / 32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of a glyph that it cannot draw
        plot_coupling(
            tmp_path / "coupling.png",
            np.random.default_rng(0).normal(size=(32, 20)),
            0.01,
            [panel("ctc", plan=flat, ctc=CTC), panel("gmot")],
            title="utt1",
        )
    spectrogram, ctc, gmot, colourbar = figures[0].axes
    assert figures[0].get_suptitle() == "utt1"
    assert [axes.get_title("left") for axes in (ctc, gmot)] == ["ctc", "gmot"]
    assert spectrogram.get_xlim() == ctc.get_xlim() == gmot.get_xlim() == pytest.approx((0, 0.32))
    assert gmot.get_xlabel() == "time (s)"
    assert ctc.images[0].get_clim() == gmot.images[0].get_clim() == (0, 0.5)
    assert gmot.images[0].get_extent() == [0, 0.32, 3.5, -0.5]
    assert "greedy CTC" in ctc.get_title("right")
    assert gmot.get_title("right") == ""
    assert colourbar.get_ylabel() == "share of the token's mass"
    assert imread(tmp_path / "coupling.png").shape[1] == 1600


def test_the_token_on_top_is_the_first(tmp_path, figures):
    plot_coupling(tmp_path / "coupling.png", np.eye(32), 0.01, [panel(tokens=["a", "b", "c", "d"])])
    axes = figures[0].axes[1]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c", "d"]
    assert axes.get_ylim() == (3.5, -0.5)
    np.testing.assert_allclose(axes.images[0].get_array()[0], [0.5, 0.5, 0, 0, 0, 0, 0, 0])


def test_true_boundaries_go_through_all_axes_and_the_characters_stand_above(tmp_path, figures):
    spoken = [("天", 0.04, 0.10), ("气", 0.10, 0.20)]
    plot_coupling(tmp_path / "coupling.png", np.eye(32), 0.01, [panel()], spoken=spoken)
    spectrogram, coupling, _ = figures[0].axes
    for axes in (spectrogram, coupling):
        dotted = sorted(line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":")
        assert dotted == [0.04, 0.10, 0.20]
    (ruler,) = spectrogram.child_axes
    np.testing.assert_allclose(ruler.get_xticks(), [0.07, 0.15])
    assert len(ruler.get_xticklabels()) == 2


def test_a_panel_may_begin_later_than_the_audio(tmp_path, figures):
    plot_coupling(tmp_path / "coupling.png", np.eye(32), 0.01, [panel(ctc=CTC, start_seconds=0.02)])
    axes = figures[0].axes[1]
    assert axes.images[0].get_extent() == pytest.approx([0.02, 0.34, 3.5, -0.5])
    np.testing.assert_allclose([line.get_xdata()[0] for line in axes.lines], [0.10, 0.20, 0.24])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"tokens": TOKENS[1:]},
            r"gmot: the coupling has shape \(8, 4\) for 3 tokens; give \(frames, tokens\)",
        ),
        ({"plan": np.full((8, 4), np.nan)}, r"gmot: the coupling has a NaN"),
        ({"ctc": CTC[1:]}, r"gmot: 7 CTC labels for 8 frames; give one a frame"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        panel(**changes)


@pytest.mark.parametrize(
    ("spectrogram", "panels", "message"),
    [
        (np.zeros((0, 80)), [panel()], r"utt1: the spectrogram has shape \(0, 80\); give \(frames, bins\)"),
        (np.zeros((9, 80)), [], r"utt1: there is no coupling to draw; give at least one system"),
    ],
)
def test_nothing_to_draw_leaves_no_file(tmp_path, spectrogram, panels, message):
    with pytest.raises(InputError, match=message):
        plot_coupling(tmp_path / "coupling.png", spectrogram, 0.01, panels, title="utt1")
    assert list(tmp_path.iterdir()) == []
