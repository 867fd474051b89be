"""Markdown tables that can also be read on a terminal."""

from collections.abc import Collection, Sequence

UNKNOWN = "–"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], left: Collection[int]) -> str:
    """Lay out a Markdown table whose columns line up.

    Args:
        header: titles of the columns.
        rows: cells, as many as titles.
        left: columns that are aligned left; the others, numbers, right.

    Example:
        >>> print(markdown_table(["system", "CER %"], [["ctc", "9.5"], ["gmot", "10.0"]], left={0}))
        | system | CER % |
        | ------ | ----: |
        | ctc    |   9.5 |
        | gmot   |  10.0 |
    """
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * width if i in left else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    return "\n".join(
        "| "
        + " | ".join(f"{cell:{'<' if i in left else '>'}{widths[i]}}" for i, cell in enumerate(line))
        + " |"
        for line in [header, rule, *rows]
    )


def number(value: float | None, form: str, scale: float = 1.0) -> str:
    """Format ``scale · value`` for a cell; None is not known.

    Example:
        >>> number(0.123, ".1f", 100), number(None, ".1f")
        ('12.3', '–')
    """
    return UNKNOWN if value is None else format(scale * value, form)


def p_value(p: float | None) -> str:
    """Format a p value for a cell; None is not known.

    Example:
        >>> p_value(0.0123), p_value(3e-5)
        ('0.0123', '<0.0001')
    """
    return UNKNOWN if p is None else "<0.0001" if p < 1e-4 else f"{p:.4f}"
