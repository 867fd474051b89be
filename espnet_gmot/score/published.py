"""Figures that others have published, to stand beside one's own, marked as what they are."""

import re
from dataclasses import dataclass
from pathlib import Path

from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file
from espnet_gmot.score.markdown_table import markdown_table
from espnet_gmot.text_files import read_text

FIGURE = re.compile(r"\d+(\.\d+)?(–\d+(\.\d+)?)?|unknown|not given")
FORM = "system, the sets, source and remark, separated by tabs"


@dataclass(frozen=True)
class Published:
    """A table of published error rates in percent.

    Args:
        header: ``system``, the sets, ``source``, ``remark``.
        rows: as many cells; a figure is a number, a range, ``unknown`` or ``not given``.
    """

    header: list[str]
    rows: list[list[str]]

    def as_table(self) -> str:
        """The figures as a Markdown table."""
        last = len(self.header) - 1
        return markdown_table(self.header, self.rows, left={0, last - 1, last})


def read_published(path: str | Path) -> Published:
    """Read a tab-separated file of published figures, whose first line names its columns.

    Raises:
        InputError: no such file, other columns, a figure that is none, or one without its source.
    """
    content = read_text(require_file(path, f"write into it {FORM}"))
    header, *rows = [line.split("\t") for line in content.removesuffix("\n").split("\n")]
    if len(header) < 4 or header[0] != "system" or header[-2:] != ["source", "remark"]:
        raise InputError(f"{path}:1: the columns are {', '.join(header)}; they must be {FORM}")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise InputError(f"{path}:{number}: {len(row)} columns where line 1 has {len(header)}")
        for figure in row[1:-2]:
            if not FIGURE.fullmatch(figure):
                raise InputError(
                    f"{path}:{number}: {figure!r} is no figure; write a number, a range (4.5–4.7), "
                    "unknown or not given"
                )
        if not row[-2]:
            raise InputError(f"{path}:{number}: {row[0]} has no source; say where the figures stand")
    return Published(header, rows)
