"""The share of the gain that is the teacher's knowledge: which control, which seeds, what is not known."""

import pytest
from experiment_results import REFERENCE, forget, keep

from research.knowledge_share import shares_of_knowledge
from research.rows import gather_sets
from research.table import Row

PLANS = [
    Row("ctc", "", "baseline"),
    Row("gmot", "", "the method"),
    Row("random_teacher", "", "control", control_of="gmot"),
    Row("random_teacher_weight1", "", "control", control_of="gmot"),
    Row("gmot_prior", "", "another method"),
    Row("random_teacher_prior", "", "its control", control_of="gmot_prior"),
]
WRONG = {"u1": "她再家", "u2": "人民", "u3": "中过"}  # 5 errors
HALF = {**WRONG, "u3": "中国"}  # 4 errors


@pytest.fixture
def results(tmp_path):
    for seed in (0, 1):
        keep(tmp_path, "ctc", seed, WRONG)
        keep(tmp_path, "gmot", seed, REFERENCE, alpha=0.5)
        keep(tmp_path, "random_teacher", seed, HALF, alpha=0.5)
    return tmp_path


def transferred(results):
    rows = gather_sets(results, PLANS)
    return shares_of_knowledge(rows["dev"], rows["test"])


def test_share_of_the_gain_counts_the_seeds_that_all_three_have(results):
    keep(results, "gmot", 2, WRONG, alpha=0.5)  # a bad seed that neither ctc nor the control has
    keep(results, "random_teacher", 0, REFERENCE, alpha=0.5)
    assert "= 40 % over seed(s) 0, 1." in transferred(results)  # (2 − 0) / (5 − 0)


def test_a_control_counts_for_its_own_method_and_the_best_on_dev_is_taken(results):
    for seed in (0, 1):
        keep(results, "gmot_prior", seed, REFERENCE, alpha=0.5)
        keep(results, "random_teacher_prior", seed, WRONG, alpha=0.5)
        keep(results, "random_teacher_weight1", seed, REFERENCE, alpha=0.5)
    lines = transferred(results).splitlines()
    assert lines[0].startswith(
        "- `gmot`: (random_teacher_weight1 − gmot) / (ctc − gmot) = 0 % over seed(s) 0, 1."
    )
    assert lines[1].startswith("- `gmot_prior`: (random_teacher_prior − gmot_prior)")
    assert "= 100 %" in lines[1]


def test_a_control_that_does_harm_is_told(results):
    for seed in (0, 1):
        keep(results, "random_teacher", seed, {**WRONG, "u3": ""}, alpha=0.5)
    assert transferred(results).endswith("= 120 % over seed(s) 0, 1; random_teacher is worse than ctc.")


def test_without_a_control_nothing_is_known(results):
    forget(results, "random_teacher")
    assert transferred(results) == "Not known; no control was run."


def test_share_of_the_gain_is_not_made_up(results):
    for seed in (0, 1):
        keep(results, "gmot", seed, WRONG, alpha=0.5)
    assert transferred(results) == "- `gmot`: none, it gains nothing."
    forget(results, "random_teacher")
    for seed in (5, 6):
        keep(results, "random_teacher", seed, HALF, alpha=0.5)
    assert "have no seed in common" in transferred(results)
