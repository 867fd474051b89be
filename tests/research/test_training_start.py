"""When a training leaves the plateau, and how that goes with its error rate."""

import pytest
from experiment_results import REFERENCE, keep

from research.rows import gather_sets
from research.table import Row
from research.training_start import start_section, training_start

ONE_WRONG = {**REFERENCE, "u3": "中过"}
TWO_WRONG = {**REFERENCE, "u3": "种过"}


def epochs(*rates):
    return {epoch: {"valid_cer_ctc": rate} for epoch, rate in enumerate(rates, start=1)}


@pytest.mark.parametrize(
    ("rates", "start"),
    [
        ((0.9, 0.7, 0.3), 2.5),
        ((0.9, 0.5, 0.4), 2.0),
        ((0.2,), 0.625),
        ((0.9, 0.6), None),
        ((0.4, 0.6, 0.3), 5 / 6),
    ],
)
def test_start_lies_where_the_line_crosses_a_half(rates, start):
    assert training_start(epochs(*rates)) == (start if start is None else pytest.approx(start))


def section(tmp_path, kept):
    """``kept``: row → seed → (hypotheses, CER after the second epoch)."""
    for row, runs in kept.items():
        for seed, (hypotheses, rate) in runs.items():
            keep(tmp_path, row, seed, hypotheses, epochs=epochs(0.9, rate))
    plans = [Row("ctc", "", ""), Row("gmot", "", ""), Row("ctc_lm", "", "", model_of="ctc")]
    return start_section(gather_sets(tmp_path, plans)["test"])


def test_later_starts_with_more_errors_correlate_within_rows(tmp_path):
    early, late = 0.1, 0.4  # the line from 0.9 crosses 0.5 at 1.5 and at 1.8
    ctc = {0: (REFERENCE, early), 1: (ONE_WRONG, late)}  # of 9 characters
    gmot = {0: (ONE_WRONG, early), 1: (TWO_WRONG, late)}
    page = section(tmp_path, {"ctc": ctc, "gmot": gmot, "ctc_lm": ctc})
    assert [cell.strip() for cell in page.splitlines()[2].split("|")[1:-1]] == [
        "ctc",
        "1.5, 1.8",
        "0.00, 11.11",
    ]
    assert "ctc_lm" not in page
    assert "4 runs in 2 rows" in page
    assert f"r = 1.00, {100 / 9 / 0.3:+.2f} points" in page


def test_rows_are_compared_with_themselves_alone(tmp_path):
    """The row that starts late has fewer errors; within rows it is the other way round."""
    ctc = {0: (ONE_WRONG, 0.1), 1: (TWO_WRONG, 0.2)}
    gmot = {0: (REFERENCE, 0.3), 1: (ONE_WRONG, 0.4)}
    assert "r = 0.9" in section(tmp_path, {"ctc": ctc, "gmot": gmot})


def test_without_two_starts_there_is_nothing_to_say(tmp_path):
    assert section(tmp_path, {"ctc": {0: (REFERENCE, 0.1), 1: (REFERENCE, 0.6)}}).startswith("No row has two")


def test_spread_of_the_seeds_and_what_is_left_without_their_common_part(tmp_path):
    """All rows get one character of nine more wrong with seed 1: all of it is the seed's."""
    for row in range(10):
        for seed, hypotheses in enumerate((ONE_WRONG, TWO_WRONG) if row % 2 else (REFERENCE, ONE_WRONG)):
            keep(tmp_path, f"row{row}", seed, hypotheses, epochs=epochs(0.9, 0.1))
    plans = [Row(f"row{row}", "", "", baseline="row0") for row in range(10)]
    page = " ".join(start_section(gather_sets(tmp_path, plans)["test"]).split())
    assert f"a standard deviation of {100 / 9 / 2**0.5:.2f} points of CER, 0.00 when" in page
    assert "(10 rows of one length, 2 seeds each)" in page


def test_few_rows_have_no_spread(tmp_path):
    assert "standard" not in section(tmp_path, {"ctc": {0: (REFERENCE, 0.1), 1: (ONE_WRONG, 0.2)}})
