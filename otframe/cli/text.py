"""Plain text for terminals and pipes: aligned columns without a table library, so that lists start at once."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

import typer

__all__ = ["columns", "heading", "paragraph"]


def heading(text: str, note: str = "") -> None:
    """A line in bold, with a dim note behind it."""
    typer.echo(typer.style(text, bold=True) + (typer.style(f"  {note}", dim=True) if note else ""))


def columns(
    rows: Iterable[Sequence[str]], *, head: Sequence[str] = (), indent: int = 2, dim: Sequence[int] = ()
) -> None:
    """Rows with their cells one under the other. The last cell of a row is as long as it is.

    Parameters
    ----------
    head : sequence of str
        Names of the columns.
    dim : sequence of int
        Columns that are printed faintly.
    """
    body = [_trimmed(row) for row in rows]
    everything = ([list(head)] if head else []) + body
    if not everything:
        return
    count = max(len(row) for row in everything)
    widths = [max((_width(row[i]) for row in everything if i < len(row)), default=0) for i in range(count)]
    for number, row in enumerate(everything):
        cells = []
        for i, cell in enumerate(row):
            padded = cell if i == len(row) - 1 else cell + " " * (widths[i] - _width(cell))
            faint = cell.strip() and (i in dim or (head and number == 0))
            cells.append(typer.style(padded, dim=True) if faint else padded)
        typer.echo((" " * indent + "  ".join(cells)).rstrip())


def paragraph(text: str, indent: int = 2) -> None:
    """Lines moved to the right."""
    for line in text.strip().splitlines():
        typer.echo((" " * indent + line).rstrip())


def _trimmed(row: Sequence[str]) -> list[str]:
    cells = list(row)
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _width(text: str) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
