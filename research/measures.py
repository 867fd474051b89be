"""What is measured of several models, and its means: shared by the pages."""

from collections.abc import Mapping, Sequence

Measures = Mapping[str, float | None]
# Of couplings (``CouplingTiming.summary``): heading of a column → the measure, and what it is multiplied by
COUPLING_COLUMNS = {
    "barycentre error ms": ("barycentre_error_ms", 1),
    "on right character %": ("on_right_character", 100),
    "special tokens on silence %": ("special_tokens_on_silence", 100),
}


def mean_of(measures: Sequence[Measures], name: str) -> float | None:
    """Mean of the models of which a measure is known; None if of none.

    Example:
        >>> mean_of([{"a": 1.0}, {"a": None}, {"a": 2.0}], "a")
        1.5
    """
    values = [value for each in measures if (value := each.get(name)) is not None]
    return sum(values) / len(values) if values else None
