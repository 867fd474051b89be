from espnet_gmot.trained.coupling_timing import CouplingTiming
from research.measures import COUPLING_COLUMNS, mean_of


def test_what_is_not_known_does_not_count():
    assert mean_of([{"a": 1.0}, {"a": None}, {"b": 5.0}, {"a": 2.0}], "a") == 1.5
    assert mean_of([{"a": None}], "a") is None
    assert mean_of([], "a") is None


def test_columns_are_measures_of_couplings():
    known = CouplingTiming(tokens=1).summary()
    assert {name for name, _ in COUPLING_COLUMNS.values()} <= known.keys()
