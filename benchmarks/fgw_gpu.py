"""The GPU rows of the solvers' page: to a file, back from it, and into the page."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import torch

from benchmarks import gpu_rows, roofline
from benchmarks.claims import check_claims
from benchmarks.page import equal_rows, equal_title, grid, ragged_rows, ragged_title
from benchmarks.peers import Contender, own_setting
from benchmarks.problems import Shape
from benchmarks.results import Row, Table
from espnet_gmot.ot import SolverOptions

ON_A_GPU = ("GPU:", "H100:")  # how the targets begin that GPU rows answer
TIMES = "In GPU rows × CG is against conditional gradient on that machine's CPU."
TOO_LARGE = "Too large for the Triton kernel, so that its row is one of torch, which takes over: {shapes}."
ROOFLINE = """\
### Roofline of the Triton kernel

What full problems take, counted from their sizes by `benchmarks/roofline.py`, over what this GPU can:
{peaks}. A problem runs on one multiprocessor, so that
the bound of the operations is that of as many multiprocessors as there are problems. The kernel is timed by
events on the device, the whole call with its checks and the value by the host's clock."""


class KernelTime(NamedTuple):
    """How long the kernel takes by itself.

    Attributes:
        shape: Of the batch.
        setting: Of the solver, see ``peers.own_setting``.
        seconds: Median.
    """

    shape: Shape
    setting: str
    seconds: float


class Measured(NamedTuple):
    """What a GPU showed.

    Attributes:
        ragged: Tables of ragged batches.
        equal: Tables of batches of equal sizes.
        peaks: What the GPU can.
        kernel: The kernel by itself, on the equal sizes that it takes.
    """

    ragged: list[Table]
    equal: list[Table]
    peaks: roofline.Peaks
    kernel: list[KernelTime]


def to_json(measured: Measured) -> dict[str, Any]:
    """Say it with JSON's types."""
    ragged, equal, peaks, kernel = measured
    return {
        "ragged": [_table_to_json(table) for table in ragged],
        "equal": [_table_to_json(table) for table in equal],
        "peaks": asdict(peaks),
        "kernel": [[list(time.shape), time.setting, time.seconds] for time in kernel],
    }


def from_json(rows: dict[str, Any]) -> Measured:
    """Return what :func:`to_json` was given."""
    ragged, equal = ([_table_from_json(table) for table in rows[name]] for name in ("ragged", "equal"))
    kernel = [KernelTime(Shape(*shape), setting, seconds) for shape, setting, seconds in rows["kernel"]]
    return Measured(ragged, equal, roofline.Peaks(**rows["peaks"]), kernel)


def with_gpu_rows(page: str, kept: gpu_rows.Kept, settings: Sequence[SolverOptions]) -> str:
    """Write kept rows into the page: its tables, its targets, and a section on where they come from.

    Args:
        page: All of it.
        kept: The file's content.
        settings: Of which the page has rows, for the roofline.
    """
    ragged, equal, peaks, kernel = from_json(kept.rows)
    for tables, title, cells in ((ragged, ragged_title, ragged_rows), (equal, equal_title, equal_rows)):
        for table in tables:
            new = [row for row, measured in zip(cells(table), table.rows, strict=True) if _on_gpu(measured)]
            page = gpu_rows.with_table(page, title(table), _updater(new, keys=3), grid)
    claims = check_claims(ragged, equal, kept.machine["GPU"])
    answered = [list(claim) for claim in claims if claim.target.startswith(ON_A_GPU)]
    page = gpu_rows.with_table(page, "Targets", _updater(answered, keys=1), grid)
    bound = grid(roofline.HEADER, _roofline(equal, kernel, settings, peaks))
    taken = {time.shape for time in kernel}
    too_large = [str(table.shape) for table in equal if table.shape not in taken]
    torch_took = TOO_LARGE.format(shapes=", ".join(too_large))
    remarks = (TIMES, *[torch_took] * bool(too_large), ROOFLINE.format(peaks=peaks.describe()), bound)
    return gpu_rows.with_section(page, gpu_rows.HEADING, gpu_rows.provenance(kept, *remarks))


def _updater(new: Sequence[Sequence[str]], keys: int) -> Callable[[list[list[str]]], list[Sequence[str]]]:
    return lambda rows: gpu_rows.updated(rows, new, keys)


def _roofline(
    tables: Sequence[Table],
    kernel: Sequence[KernelTime],
    settings: Sequence[SolverOptions],
    peaks: roofline.Peaks,
) -> list[list[str]]:
    chosen = {own_setting(options): options for options in settings}
    whole_call = {
        (table.shape, row.contender.setting): row.seconds
        for table in tables
        for row in table.rows
        if row.contender.name == "triton"
    }
    return [
        roofline.row(time.shape, chosen[time.setting], peaks, time.seconds, whole_call[time[:2]])
        for time in kernel
    ]


def _on_gpu(row: Row) -> bool:
    return row.contender.device == "cuda"


def _table_to_json(table: Table) -> dict[str, Any]:
    return {"shape": list(table.shape), "kind": table.kind, "rows": [_row_to_json(row) for row in table.rows]}


def _table_from_json(table: dict[str, Any]) -> Table:
    return Table(Shape(*table["shape"]), [_row_from_json(row) for row in table["rows"]], table["kind"])


def _row_to_json(row: Row) -> dict[str, Any]:
    who = row.contender
    return {
        "contender": {"name": who.name, "setting": who.setting, "ours": who.ours, "device": who.device},
        "hindrance": row.hindrance,
        "seconds": row.seconds,
        "train_seconds": row.train_seconds,
        "objective": None if row.objective is None else row.objective.tolist(),
        "error": None if row.error is None else row.error.tolist(),
    }


def _row_from_json(row: dict[str, Any]) -> Row:
    who = Contender(prepare=None, **row["contender"])
    objective, error = (
        None if row[name] is None else torch.tensor(row[name], dtype=torch.float64)
        for name in ("objective", "error")
    )
    return Row(who, row["hindrance"], row["seconds"], row["train_seconds"], objective, error)
