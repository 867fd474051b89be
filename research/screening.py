"""Couplings of a trained encoder under many options: a first look, before anything is trained."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file, write_text
from espnet_gmot.score.markdown_table import markdown_table, number
from espnet_gmot.trained.character_spans import Spans
from espnet_gmot.trained.coupling_timing import measure_couplings
from research.measures import COUPLING_COLUMNS, Measures, mean_of

COLUMNS = {"inside own span %": ("inside_own_span", 100), **COUPLING_COLUMNS}
HEAD = """\
# Couplings under other options, without training

Written by `python -m research.bin.screen_couplings`. The encoders were trained with other options
({experiments}); only the search of the coupling changes. "Inside own span": the share of a character's mass
where it is spoken, by chance {chance} %; means of the encoders, each encoder's own in brackets.

"""


def read_variants(path: Path) -> dict[str, dict[str, Any]]:
    """Read the options to try: name → what differs from the options that the encoder was trained with.

    Raises:
        InputError: the file is missing or no such YAML.
    """
    text = require_file(path, "name a YAML of variants, such as research/screening.yaml").read_text("utf-8")
    variants = yaml.safe_load(text)
    if not isinstance(variants, dict) or not all(isinstance(change, dict) for change in variants.values()):
        raise InputError(f"{path} does not hold names with options, such as 'ot: {{alpha: 0.0}}'")
    return variants


def screen(
    experiments: Sequence[Path],
    checkpoint: str,
    data: Path,
    spans_of: Callable[[Path], Spans],
    variants: Mapping[str, Mapping[str, Any]],
) -> dict[str, list[Measures]]:
    """Measure the couplings of each encoder under each variant; see `CouplingTiming.summary`.

    ``spans_of`` gives the times of characters by the directory of an encoder.
    """
    spans = {experiment: spans_of(experiment) for experiment in experiments}
    return {
        name: [
            measure_couplings(experiment, None, checkpoint, data, spans[experiment], change).summary()
            for experiment in experiments
        ]
        for name, change in variants.items()
    }


def write_screening_page(
    out: Path,
    experiments: Iterable[Path],
    variants: Mapping[str, Mapping[str, Any]],
    found: Mapping[str, list[Measures]],
) -> None:
    """Write the table, the variants in their order."""
    first = next(iter(found.values()))
    chance = number(mean_of(first, "inside_own_span_by_chance"), ".0f", 100)
    header = ["variant", "options", *COLUMNS]
    cells = [[name, f"`{_told(variants[name])}`", *_cells(measures)] for name, measures in found.items()]
    head = HEAD.format(experiments=", ".join(f"`{path}`" for path in experiments), chance=chance)
    write_text(out, head + markdown_table(header, cells, left={0, 1}) + "\n")


def _cells(measures: list[Measures]) -> list[str]:
    cells = [number(mean_of(measures, key), ".1f", scale) for key, scale in COLUMNS.values()]
    if len(measures) > 1:
        cells[0] += f" ({', '.join(number(each['inside_own_span'], '.1f', 100) for each in measures)})"
    return cells


def _told(change: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(change), default_flow_style=True, sort_keys=False, width=1000).strip()
