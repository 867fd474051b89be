"""The targets for speed, each with what this run measured: computed from the rows alone."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks.problems import Shape
from benchmarks.results import Row, Table, is_good, speedup

GPU_SHAPE = Shape(64, 250, 30)
GPU_MILLISECONDS = 1.0
HOPPER = ("H100", "H200")  # one chip, GH100; the H200 has more memory, and faster


class Claim(NamedTuple):
    """A target, what was measured, and ``"met"``, ``"not met"`` or ``"not run"``."""

    target: str
    measured: str
    verdict: str


def check_claims(ragged: Sequence[Table], equal: Sequence[Table], gpu: str | None) -> list[Claim]:
    """Compare the rows with the targets.

    A ratio is that of the backend and setting whose slowest shape is the fastest, among those that reach the
    quality on every shape: a user does not tune for a batch.

    Args:
        ragged: Tables of the ragged batches, of one or more kinds; each kind has its target.
        equal: Tables of the batches of equal sizes, with POT's batch solver.
        gpu: Name of the GPU, or None.
    """
    kinds = list(dict.fromkeys(table.kind for table in ragged))
    return [
        *(
            _ratio_claim(
                f"two CPU cores, {kind}: ≥ 4 × POT conditional gradient, one by one",
                4,
                [table for table in ragged if table.kind == kind],
                "cpu",
                _gradient,
            )
            for kind in kinds
        ),
        _ratio_claim("two CPU cores: ≥ 8 × POT batch at equal iterations", 8, equal, "cpu", Table.batch_peer),
        _ratio_claim(
            "GPU: ≥ 20 × POT batch on the same GPU at equal iterations", 20, equal, "cuda", Table.batch_peer
        ),
        _latency_claim(ragged, gpu),
    ]


def _gradient(table: Table, _row: Row) -> Row | None:
    return table.conditional_gradient()


def _ratio_claim(
    target: str,
    least: float,
    tables: Sequence[Table],
    device: str,
    reference_of: Callable[[Table, Row], Row | None],
) -> Claim:
    candidates = {}  # (name, setting): its ratio on each shape, None where not good enough
    for table in tables:
        judge = table.conditional_gradient()
        for row in _own_rows(table, device):
            reference = reference_of(table, row)
            if judge is not None and reference is not None:
                ratio = speedup(row, reference) if is_good(row, judge) else None
                candidates.setdefault((row.contender.name, row.contender.setting), []).append(ratio)
    if not candidates:
        return Claim(target, "–", "not run")
    complete = {who: ratios for who, ratios in candidates.items() if None not in ratios}
    if not complete:
        return Claim(target, "no setting reaches the quality on every shape", "not met")
    (name, setting), ratios = max(complete.items(), key=lambda item: min(item[1]))
    listed = ", ".join(f"{ratio:.1f} on {table.shape}" for ratio, table in zip(ratios, tables, strict=True))
    return Claim(target, f"{listed} ({name}, {setting})", _verdict(min(ratios) >= least))


def _latency_claim(tables: Sequence[Table], gpu: str | None) -> Claim:
    target = f"H100: < {GPU_MILLISECONDS:g} ms for {GPU_SHAPE}"
    rows = [
        row
        for table in tables
        if table.shape == GPU_SHAPE
        for row in _own_rows(table, "cuda")
        if is_good(row, table.conditional_gradient())
    ]
    if gpu is None:
        return Claim(target, "–", "not run")
    if not rows:
        return Claim(target, "no setting reaches the quality", "not met")
    best = min(rows, key=lambda row: row.seconds)
    milliseconds = 1e3 * best.seconds
    is_hopper = any(name in gpu for name in HOPPER)
    verdict = _verdict(milliseconds < GPU_MILLISECONDS) if is_hopper else "not run"
    measured = f"{milliseconds:.2f} ms on {gpu} ({best.contender.name}, {best.contender.setting})"
    return Claim(target, measured, verdict)


def _own_rows(table: Table, device: str) -> list[Row]:
    return [
        row for row in table.rows if row.contender.ours and row.contender.device == device and row.was_run
    ]


def _verdict(holds: bool) -> str:
    return "met" if holds else "not met"
