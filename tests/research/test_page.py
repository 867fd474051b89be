"""The page and pictures of the experiments, from kept files alone."""

import pytest
from experiment_results import REFERENCE, forget, keep
from matplotlib.figure import Figure

from research.figures import alpha_rows, draw_figures
from research.kept_files import KeptRun, add_run
from research.page import write_experiment_page
from research.rows import gather_sets
from research.table import Row

PLANS = [
    Row("ctc", "", "baseline"),
    Row("gmot", "", "the method"),
    Row("random_teacher", "", "control", control_of="gmot"),
    Row("tot", "", "no graph", against=["gmot"]),
    Row("gw", "", "graph alone"),
    Row("gmot_lm", "", "another decoding", model_of="gmot"),
]
WRONG = {"u1": "她再家", "u2": "人民", "u3": "中过"}
HALF = {**WRONG, "u3": "中国"}


@pytest.fixture
def results(tmp_path):
    directory = tmp_path / "results" / "small"
    for seed in (0, 1):
        keep(directory, "ctc", seed, WRONG)
        keep(directory, "gmot", seed, REFERENCE, alpha=0.5)
        keep(directory, "random_teacher", seed, HALF, alpha=0.5, teacher_name="random")
    keep(directory, "tot", 0, HALF, alpha=0.0)
    return directory


@pytest.fixture
def page(results, tmp_path):
    rows = gather_sets(results, PLANS)
    out = tmp_path / "docs" / "small.md"
    write_experiment_page(out, results, rows, draw_figures(rows, out.with_suffix("")))
    return out.read_text()


def section(page, heading="## CER on test"):
    return page.split(heading)[1].split("\n## ")[0]


def cells(page, row, heading="## CER on test"):
    lines = section(page, heading).splitlines()
    return next(
        [cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith(f"| {row} ")
    )


def test_main_table_shows_mean_seeds_margin_and_homophones(page):
    assert cells(page, "ctc")[:5] == ["ctc", "55.56", "0: 55.56, 1: 55.56", "–", "–"]
    gmot = cells(page, "gmot")
    assert gmot[1:5] == ["0.00", "0: 0.00, 1: 0.00", "ctc 55.56", "-100.0"]
    assert gmot[6] == "0.2500"  # three utterances, all better: 2 of 2³ choices of signs
    assert (cells(page, "ctc")[-2:], gmot[-2:]) == (["22.22", "11.11"], ["0.00", "0.00"])


def test_rows_that_were_not_run_say_so(page):
    assert "\n| gw " not in section(page)
    assert "\nNot run: `gw`, `gmot_lm`.\n" in section(page)
    assert cells(page, "gw", "## What the rows test") == ["gw", "graph alone", "not run"]


def test_comparison_with_another_row_and_share_of_the_gain(page):
    for name in ("dev", "test"):
        assert cells(page, "tot", f"## Other comparisons on {name}")[1:4] == ["gmot", "0", "–"]
    assert "(random_teacher − gmot) / (ctc − gmot) = 80 %" in page  # (4 − 0) / (5 − 0)


def test_costs_teachers_and_pictures_are_there(page, tmp_path):
    assert cells(page, "ctc", "## Costs") == ["ctc", "2", "1.50", "100", "0.0100"]
    assert cells(page, "teacher_base", "## Teachers")[1:] == ["abcdef01", "16", "no", "30.0"]
    for name in ("curves", "errors", "alpha"):
        assert f"![{name}](small/{name}.png)" in page
        assert (tmp_path / "docs" / "small" / f"{name}.png").stat().st_size > 5000
    assert "Not measured." in page.split("## Couplings")[1]


@pytest.mark.parametrize(
    ("by_ctc", "whose"),
    [
        ({}, "true character times"),
        ({"by_ctc": False}, "true"),
        ({"by_ctc": True}, "characters' times by CTC"),
    ],
)
def test_couplings_are_means_over_the_seeds_beside_the_costs_of_the_last_epoch(
    results, tmp_path, by_ctc, whose
):
    for seed, inside in ((0, 0.5), (1, 0.7)):
        measured = {
            "inside_own_span": inside,
            "inside_own_span_by_chance": 0.2,
            "barycentre_error_ms": 60.0,
            "on_right_character": 0.4,
            "special_tokens_on_silence": None,
            **by_ctc,
        }
        epochs = {
            1: {"valid_cer_ctc": 0.9, "valid_fgw_edge": 0.4, "valid_loss_align": 3.0},
            2: {"valid_cer_ctc": 0.5, "valid_fgw_edge": (4 + seed) / 100, "valid_loss_align": 2.0},
        }
        keep(results, "gmot", seed, REFERENCE, alpha=0.5, epochs=epochs, coupling=measured)
    out = tmp_path / "docs" / "again.md"
    write_experiment_page(out, results, gather_sets(results, PLANS), [])
    assert f"## Couplings against the {whose}" in out.read_text()
    gmot = cells(out.read_text(), "gmot", "## Couplings")
    assert gmot == ["gmot", "60.0 (50, 70)", "20.0", "60.0", "40.0", "–", "0.045", "2.00"]


def test_context_is_the_mean_over_the_seeds_that_were_probed(results, tmp_path):
    for seed, share in ((0, 0.1), (1, 0.3)):
        context = {"characters": 9, "identity": 0.6, "context": share}
        keep(results, "gmot", seed, REFERENCE, alpha=0.5, context=context)
    out = tmp_path / "docs" / "again.md"
    write_experiment_page(out, results, gather_sets(results, PLANS), [])
    heading = "## The teacher's context"
    assert cells(out.read_text(), "gmot", heading) == ["gmot", "0, 1", "20.0", "60.0"]


def alphas(results):
    rows = gather_sets(results, PLANS)["dev"]
    return [(alpha, row.plan.name) for alpha, row in alpha_rows(rows, "gmot")]


def test_alpha_curve_holds_the_rows_that_differ_in_alpha_alone(results):
    assert alphas(results) == [(0.0, "tot"), (0.5, "gmot")]
    keep(results, "gw", 0, HALF, alpha=1.0)
    assert "gw" in dict(map(reversed, alphas(results)))
    keep(results, "gw", 0, HALF, alpha=1.0, max_epoch=4)
    assert "gw" not in dict(map(reversed, alphas(results)))


def test_alpha_curve_needs_two_values_and_no_row_that_decodes_anothers_model(results):
    keep(results, "gmot_lm", 0, HALF, alpha=0.5)
    assert "gmot_lm" not in dict(map(reversed, alphas(results)))
    forget(results, "tot")
    assert alphas(results) == []


def test_what_a_pilot_differs_in_stands_on_its_page(results, tmp_path):
    (results / "about.md").write_text("Weights of 1.\n")
    out = tmp_path / "docs" / "again.md"
    write_experiment_page(out, results, gather_sets(results, PLANS), [])
    assert "\n\nWeights of 1.\n\n## CER on test" in out.read_text()


def test_curves_show_mean_and_band_of_the_seeds(results, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(Figure, "savefig", lambda self, *args, **kw: saved.append(self))
    draw_figures(gather_sets(results, PLANS), tmp_path)
    axes = saved[0].axes[0]
    ctc = next(line for line in axes.lines if line.get_label() == "ctc, n = 2")
    assert ctc.get_xydata().ravel() == pytest.approx([1, 90, 2, 55])
    assert axes.get_ylabel() == "CER on dev while training (%), n seeds"


ENGLISH = {f"s{number:02}-{part}": "so it is" for number in range(25) for part in "ab"}


def keep_english(results, row, seed, text, wer):
    scored = {"cer": 1.0, "rtf": 0.01, "parameters": 1_500_000, "wer": wer}
    record = {"sets": {"dev": scored, "test": scored, "seen": scored}, "seconds_train": 1.0, "teacher": None}
    hypotheses = dict.fromkeys(ENGLISH, text)
    run = KeptRun(row, seed, record, {"seed": seed, "model_conf": {}}, {1: {"valid_cer_ctc": 0.4}},
        dict.fromkeys(record["sets"], hypotheses))  # fmt: skip
    speakers = {utterance: utterance[:3] for utterance in ENGLISH}
    add_run(results, run, dict.fromkeys(record["sets"], ENGLISH), dict.fromkeys(record["sets"], speakers))


def test_a_language_with_words_and_many_speakers(tmp_path):
    results, out = tmp_path / "results" / "en", tmp_path / "docs" / "en.md"
    keep_english(results, "ctc", 0, "soit as", 200 / 3)
    keep_english(results, "gmot", 0, "so it as", 100 / 3)
    rows = gather_sets(results, PLANS[:2])
    figures = draw_figures(rows, out.with_suffix(""))
    assert [figure.name for figure in figures] == ["curves.png"]
    write_experiment_page(out, results, rows, figures)
    page = out.read_text()
    header = next(line for line in section(page).splitlines() if line.startswith("| row"))
    assert [cell.strip() for cell in header.split("|")[9:-1]] == [
        "by speaker [95 %]",
        "p by speaker",
        "WER %",
    ]
    ctc, gmot = cells(page, "ctc"), cells(page, "gmot")
    assert (ctc[1], gmot[1]) == ("25.00", "12.50")  # spaces count: 2 and 1 of 8 characters
    assert (ctc[-1], gmot[-1]) == ("66.67", "33.33")
    assert gmot[-3] == "[-12.50, -12.50]" and gmot[-2] == "<0.0001"
    assert "with the 25 speakers as what is drawn" in page
    assert "## CER on seen" in page and "homophones" not in page and "prior" not in page.split("##")[0]
