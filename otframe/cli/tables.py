"""Result tables on a terminal, the best of each column in bold."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otframe.values import Table

__all__ = ["print_table"]

_ROWS = 40


def print_table(table: Table, title: str) -> None:
    """Print a table; of a long one the first rows and the last, which often sums up."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    from otframe.run.report.tables import best_rows, format_cell, is_setting

    grid = Grid(title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    best = [best_rows(table, column) for column in range(len(table.columns))]
    marks = {"higher": " ↑", "lower": " ↓"}
    for number, name in enumerate(table.columns):
        way = table.better[number] if number < len(table.better) else ""
        grid.add_column(Text(name + marks.get(way, "")), justify="left" if number == 0 else "right", overflow="fold")
    left_out = len(table.rows) - _ROWS
    for row, cells in enumerate(table.rows):
        if left_out > 0 and _ROWS - 1 <= row < len(table.rows) - 1:
            if row == _ROWS - 1:
                grid.add_row(Text(f"... {left_out} more", style="dim"))
            continue
        told = [format_cell(cell, setting=is_setting(table, i)) for i, cell in enumerate(cells)]
        texts = [Text(text, style="bold" if row in best[i] else "") for i, text in enumerate(told)]
        grid.add_row(*texts)
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, 160))
    console.print(grid)
