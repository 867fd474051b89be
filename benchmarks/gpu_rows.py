"""The GPU rows of a page, measured on another machine than its CPU rows: kept as JSON, then written into it.

``--gpu_only FILE`` of a benchmark measures the GPU rows alone and keeps them; ``--gpu_rows FILE`` writes them
into its page, whose other rows stay as they are.
"""

import argparse
import datetime
import functools
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.machine import NO_GPU, NOT_RUN, describe_machine, told
from benchmarks.page import grid
from espnet_gmot.errors import InputError
from espnet_gmot.files import write_text
from espnet_gmot.score.markdown_table import markdown_table

HEADING = "The GPU rows"
FULL_TRAINING = "The full preset on a GPU"  # what benchmarks.full_training writes into training_step.md
MARKS = ("CUDA", "GPU", "H100")  # how one of a GPU row's first three cells begins
Cells = list[str]


class Kept(NamedTuple):
    """What a file of GPU rows holds.

    Attributes:
        benchmark: The module that measured and that reads them.
        command: What was called.
        date: Day of the run.
        machine: See ``machine.describe_machine``.
        rows: What the benchmark makes of its measurements, and understands again.
    """

    benchmark: str
    command: str
    date: str
    machine: Mapping[str, str]
    rows: Any


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let a benchmark keep its GPU rows by themselves, and write kept ones into its page."""
    parser.add_argument("--gpu_only", type=Path, metavar="FILE", help="measure the GPU rows alone into FILE")
    parser.add_argument(
        "--gpu_rows", type=Path, metavar="FILE", help="write FILE's rows into the page, no more"
    )


def served(
    args: argparse.Namespace,
    benchmark: str,
    page: Path,
    measure: Callable[[], Any],
    write: Callable[[str, "Kept"], str],
) -> bool:
    """Do what one of the two options asks, and tell whether one was given.

    Args:
        args: The command's options.
        benchmark: Its module.
        page: Its page.
        measure: Measures the GPU rows and gives them in JSON's types.
        write: From the page's text and kept rows to the new text.

    Raises:
        InputError: There is no GPU to measure, or the file or the page is not what it should be.
    """
    if args.gpu_only:
        if not torch.cuda.is_available():
            raise InputError(f"--gpu_only: {NO_GPU}")
        _keep(args.gpu_only, benchmark, measure())
    elif args.gpu_rows:
        write_text(page, write(page.read_text(encoding="utf-8"), read(args.gpu_rows, benchmark)))
        print(f"{page} written")
    return bool(args.gpu_only or args.gpu_rows)


def _keep(path: Path, benchmark: str, rows: Any) -> None:
    arguments = [path.name if argument == str(path) else argument for argument in sys.argv[1:]]
    command = shlex.join(["python", "-m", f"benchmarks.{benchmark}", *arguments])
    kept = Kept(benchmark, command, datetime.date.today().isoformat(), describe_machine(), rows)
    write_text(path, json.dumps(kept._asdict(), ensure_ascii=False, indent=1) + "\n")
    print(f"{path} written")


def read(path: Path, benchmark: str) -> Kept:
    """Read a file of GPU rows.

    Raises:
        InputError: It is none, or another benchmark's.
    """
    try:
        kept = Kept(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} holds no GPU rows ({error}); make it with --gpu_only") from error
    if kept.benchmark != benchmark:
        raise InputError(f"{path} is of benchmarks.{kept.benchmark}, not of benchmarks.{benchmark}")
    return kept


def provenance(kept: Kept, *remarks: str) -> str:
    """The section that says where a page's GPU rows come from."""
    head = f"Measured by `{kept.command}` on {kept.date}, on this machine:"
    return "\n\n".join([head, told(kept.machine), *remarks])


def write_page(path: Path, page: str) -> None:
    """Write a page anew, but keep what other machines and other benchmarks have written into it.

    Where this machine has no GPU, these are the GPU rows of before. A line names the tables whose rows do not
    fit any more, since a setting, target, column or heading has changed.
    """
    former = path.read_text(encoding="utf-8") if path.exists() else ""
    if not torch.cuda.is_available():
        page, lost = keeping(former, page)
        for heading in lost:
            print(f"{path}: GPU rows of {heading!r} fit the new page no more; measure them again")
    if FULL_TRAINING in _headings(former):
        page = with_section(page, FULL_TRAINING, _section(former, FULL_TRAINING))
    write_text(path, page)


def keeping(former: str, page: str) -> tuple[str, list[str]]:
    """Put the GPU rows of a former page in the place of those that were not run.

    Args:
        former: The page before, maybe with the section that says where its GPU rows come from.
        page: The new one, measured without a GPU.

    Returns:
        The new one with these rows and that section, and the headings of tables whose rows do not all fit.
    """
    if HEADING not in _headings(former):
        return page, []
    lost = []
    for heading in _headings(former.partition(f"\n## {HEADING}\n")[0]):
        header, _, *rows = _table(former, heading) or [[], []]
        kept = [row for row in rows if _mark(row) is not None and not _is_not_run(row)]
        if not kept:
            continue
        new_header, rule, *new_rows = _table(page, heading) or [[], []]
        filled, left_over = _filled(new_rows, kept) if header == new_header else (new_rows, kept)
        if left_over:
            lost.append(heading)
        if filled != new_rows:
            page = with_table(page, heading, lambda _, filled=filled: filled, _renderer(rule))
    return with_section(page, HEADING, _section(former, HEADING)), lost


def _filled(rows: Sequence[Cells], kept: Sequence[Cells]) -> tuple[list[Cells], list[Cells]]:
    """Put each kept row in the place of its own "not run", or all in that of the one for all of them.

    Returns:
        The rows, and the kept ones that have no place.
    """
    places = [row for row in rows if _mark(row) is not None and _is_not_run(row)]
    if not places:
        return list(rows), list(kept)
    column = _mark(places[0])
    names_device = places[0][column] in MARKS  # else a target
    if names_device and len(places) == 1:
        return replaced(rows, kept, column, places[0][column]), []
    keys = 3 if names_device else 1
    named = [row[:keys] for row in places]
    return (
        updated(rows, [row for row in kept if row[:keys] in named], keys),
        [row for row in kept if row[:keys] not in named],
    )


def _mark(row: Cells) -> int | None:
    """Which of the first cells says that a row is of a GPU."""
    return next((number for number, cell in enumerate(row[:3]) if cell.startswith(MARKS)), None)


def _is_not_run(row: Cells) -> bool:
    return any(cell.startswith(NOT_RUN) for cell in row) or row[1:] == ["–", "not run"]


def _renderer(rule: Cells) -> Callable[[Cells, Sequence[Sequence[str]]], str]:
    """How a table is written whose columns line up, or not."""
    if set(rule) == {"---"}:
        return grid
    left = {number for number, cell in enumerate(rule) if not cell.endswith(":")}
    return functools.partial(markdown_table, left=left)


def _headings(page: str) -> list[str]:
    return [line.lstrip("#").strip() for line in page.splitlines() if line.startswith("#")]


def _section(page: str, heading: str) -> str:
    return page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def _table(page: str, heading: str) -> list[Cells]:
    """Header, rule and rows of the first table below a heading; nothing if there is none."""
    lines = page.splitlines()
    try:
        first, last = _table_below(lines, heading)
    except InputError:
        return []
    return [_cells(line) for line in lines[first:last]]


def with_section(page: str, heading: str, text: str) -> str:
    """Put a section at the end of a page, in place of an older one of this heading."""
    before, _, after = page.partition(f"\n## {heading}\n")
    rest = after[after.find("\n## ") :] if "\n## " in after else ""
    return f"{before.rstrip()}\n{rest.rstrip()}".rstrip() + f"\n\n## {heading}\n\n{text.strip()}\n"


def with_table(
    page: str,
    heading: str,
    edit: Callable[[list[Cells]], Sequence[Sequence[str]]],
    render: Callable[[Cells, Sequence[Sequence[str]]], str],
) -> str:
    """Change the first table below a heading, of whatever level.

    Args:
        page: All of it.
        heading: Without its signs.
        edit: From the table's rows of cells to the new ones.
        render: From header and rows to a table.

    Raises:
        InputError: There is no such heading, or no table below it.
    """
    lines = page.splitlines()
    first, last = _table_below(lines, heading)
    header, _, *rows = (_cells(line) for line in lines[first:last])
    return "\n".join([*lines[:first], render(header, edit(rows)), *lines[last:]]) + "\n"


def replaced(
    rows: Sequence[Cells], new: Sequence[Sequence[str]], column: int, marks: str
) -> list[Sequence[str]]:
    """Put new rows in the place of those whose cell in ``column`` begins with ``marks``.

    Example:
        >>> replaced([["a", "CPU"], ["b", "GPU"], ["c", "GPU"]], [["d", "GPU"]], 1, "GPU")
        [['a', 'CPU'], ['d', 'GPU']]
    """
    old = [number for number, row in enumerate(rows) if row[column].startswith(marks)]
    place = old[0] if old else len(rows)
    return [*rows[:place], *new, *(row for row in rows[place:] if not row[column].startswith(marks))]


def updated(rows: Sequence[Cells], new: Sequence[Sequence[str]], keys: int) -> list[Sequence[str]]:
    """Put each new row in the place of the one with the same first ``keys`` cells; the others follow.

    Example:
        >>> updated([["a", "–"], ["b", "1"]], [["a", "2"]], keys=1)
        [['a', '2'], ['b', '1']]
    """
    fresh = {tuple(row[:keys]): row for row in new}
    return [fresh.pop(tuple(row[:keys]), row) for row in rows] + list(fresh.values())


def _table_below(lines: Sequence[str], heading: str) -> tuple[int, int]:
    below = False
    for number, line in enumerate(lines):
        if line.startswith("#"):
            below = line.lstrip("#").strip() == heading
        elif below and line.startswith("|"):
            return number, next(_ends(lines, number), len(lines))
    raise InputError(f"the page has no table below {heading!r}; let the benchmark write it anew")


def _ends(lines: Sequence[str], first: int) -> Iterator[int]:
    return (number for number in range(first, len(lines)) if not lines[number].startswith("|"))


def _cells(line: str) -> Cells:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
