"""Kept runs become rows: rates, margins, homophones, costs."""

import pytest
from experiment_results import REFERENCE, keep

from espnet_gmot.errors import InputError
from research.rows import UNPLANNED, gather_sets
from research.table import Row

PLANS = [
    Row("ctc", "", "baseline"),
    Row("gmot", "", "method"),
    Row("ot", "", "plain", against=["gmot", "tot"]),
]
WRONG = {"u1": "她再家", "u2": "人民", "u3": "中过"}  # 2 homophones; 2 deleted; 1 tone


@pytest.fixture
def results(tmp_path):
    keep(tmp_path, "ctc", 0, WRONG)
    keep(tmp_path, "ctc", 1, {**WRONG, "u2": "人民大会"})
    keep(tmp_path, "gmot", 0, REFERENCE, alpha=0.5)
    keep(tmp_path, "gmot", 1, {**REFERENCE, "u3": ""}, alpha=0.5)
    return tmp_path


def test_errors_are_counted_from_the_kept_hypotheses(results):
    ctc, gmot, ot = gather_sets(results, PLANS)["test"]
    assert ctc.errors.rates == pytest.approx({0: 100 * 5 / 9, 1: 100 * 3 / 9})
    assert gmot.errors.mean == pytest.approx(100 / 9)
    assert gmot.margin.differences == pytest.approx((-500 / 9, -100 / 9))
    assert (ctc.margin, ot.errors, ot.margins_against) == (None, None, {})


def test_homophones_are_a_percentage_of_the_characters(results):
    ctc, gmot, _ = gather_sets(results, PLANS)["test"]
    assert ctc.substituted("same_sound") == pytest.approx(100 * 2 / 9)
    assert ctc.substituted("same_syllable") == pytest.approx(100 * 1 / 9)
    assert gmot.substituted("total") == 0.0


def test_p_is_corrected_over_the_rows_and_other_rows_are_compared(results):
    keep(results, "ot", 1, WRONG, alpha=0.0)
    _, gmot, ot = gather_sets(results, PLANS)["dev"]
    assert list(ot.margins_against) == ["gmot"]  # tot was not run
    assert ot.margin.seeds == ot.margins_against["gmot"].seeds == (1,)
    assert ot.margins_against["gmot"].difference == pytest.approx(100 * (5 - 2) / 9)
    assert gmot.p_holm >= gmot.margin.p
    assert gmot.margins_against == {}


def test_a_row_is_compared_with_its_own_baseline_over_common_seeds(results):
    keep(results, "ctc_double", 1, {**WRONG, "u1": "他在家"})
    keep(results, "gmot_double", 1, REFERENCE, alpha=0.5)
    plans = [
        *PLANS,
        Row("ctc_double", "", "longer"),
        Row("gmot_double", "", "", baseline="ctc_double"),
    ]
    *_, longer, double = gather_sets(results, plans)["test"]
    assert longer.margin.other == pytest.approx(100 * 3 / 9)  # seed 1 of ctc alone
    assert double.margin.other == pytest.approx(longer.errors.mean) == pytest.approx(100 * 3 / 9)


def test_kept_rows_that_are_not_planned_come_last(results):
    keep(results, "gmot_weight0.3", 0, WRONG, alpha=0.5)
    last = gather_sets(results, PLANS)["test"][-1]
    assert (last.plan.name, last.plan.tests) == ("gmot_weight0.3", UNPLANNED)
    assert last.errors.mean == pytest.approx(100 * 5 / 9)


def test_costs_are_means_and_unknown_ones_are_left_out(results):
    keep(results, "ot", 0, WRONG, alpha=0.0, seconds_train=None)
    ctc, _, ot = gather_sets(results, PLANS)["test"]
    assert (ctc.cost("seconds_train"), ot.cost("seconds_train")) == (100.5, None)
    assert ctc.cost("rtf", "test") == 0.01


def test_hypotheses_of_another_set_are_named(results):
    keep(results, "gmot", 2, {"u9": "人"}, alpha=0.5)
    with pytest.raises(InputError, match="gmot seed 2"):
        gather_sets(results, PLANS)
