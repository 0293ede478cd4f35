"""Tables of a run, from memory or read back from the files that were written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_origin

from otframe.errors import OtframeError
from otframe.io.table_file import TableFile
from otframe.registry import Registry
from otframe.run.compared import Compared, compared_in
from otframe.run.journal import Journal
from otframe.run.measuring import Spent
from otframe.values import Table

__all__ = ["best_rows", "format_cell", "is_setting", "read_table", "tables", "with_spent"]

_MOST = 12
_SHORT = 7
"""Characters of a number that somebody chose, at most."""


def tables(journal: Journal, registry: Registry) -> list[tuple[str, Table]]:
    """The table outputs with a heading for each; of a stream of tables the first few."""
    assert journal.info is not None
    found: list[tuple[str, Table]] = []
    for output in journal.info.graph.outputs:
        base = get_origin(output.type) or output.type
        if not (isinstance(base, type) and issubclass(base, Table)):
            continue
        made: dict[str, Any] = {}
        for file in journal.files:
            if file.output == output.name and len(made) < _MOST:
                made[file.key] = read_table(file.path, registry)
        value = journal.result.values.get(output.name) if journal.result else None
        if value is not None:
            made.update(value if isinstance(value, dict) else {"": value})
        for key, table in list(made.items())[:_MOST]:
            if isinstance(table, Table):
                told = with_spent(table, compared_in(journal.info.graph, output.name), journal.measured)
                found.append((f"{output.name}, {key}" if key else output.name, told))
    return found


def with_spent(table: Table, axes: Compared | None, measured: Mapping[str, Spent]) -> Table:
    """A table whose rows are named by nodes, along one of its axes, with what a call of each took, where measured.

    Times and memory are no values, which the same run gives again: they stand in the report and in `run.json`, and in
    no table that is written.
    """
    if axes is None or not measured or not set(axes[0]) <= set(table.columns):
        return table
    columns, rows = [table.columns.index(axis) for axis in axes[0]], []
    for row in table.rows:
        spent = measured.get(axes[1].get(tuple(str(row[column]) for column in columns), ""))
        peak = None if spent is None or spent.peak is None else spent.peak / 1e6
        rows.append((*row, None if spent is None else spent.seconds, peak))
    better = (*table.better, *[""] * (len(table.columns) - len(table.better)), "lower", "lower")
    return Table((*table.columns, "seconds", "peak MB"), tuple(rows), table.title, better)


def read_table(path: Path, registry: Registry) -> Table | None:
    """A table from the JSON beside its CSV, which knows the directions, or from the CSV; None where neither is one."""
    for place in (path.with_suffix(".json"), path):
        if place.is_file() and place.suffix.lower() in (".json", ".csv"):
            try:
                return TableFile(place, registry=registry).load(place.stem)
            except OtframeError:
                continue
    return None


def best_rows(table: Table, column: int) -> frozenset[int]:
    """The rows with the best value of a column; none where the table does not say what is better, or all are equal."""
    way = table.better[column] if column < len(table.better) else ""
    numbers = {
        row: cell
        for row, cells in enumerate(table.rows)
        if isinstance(cell := cells[column], int | float) and not isinstance(cell, bool) and cell == cell
    }
    if way not in ("higher", "lower") or len(set(numbers.values())) < 2:
        return frozenset()
    best = max(numbers.values()) if way == "higher" else min(numbers.values())
    return frozenset(row for row, number in numbers.items() if number == best)


def is_setting(table: Table, column: int) -> bool:
    """Whether a column was chosen, not measured: others have a direction that is better, and this one has not.

    People choose short numbers.
    """
    if not any(table.better) or (table.better[column] if column < len(table.better) else ""):
        return False
    return all(len(f"{row[column]:g}") <= _SHORT for row in table.rows if isinstance(row[column], float))


def format_cell(cell: Any, *, setting: bool = False) -> str:
    """A cell as people read it: four digits of a number are enough here, the file has them all.

    A setting is told as it was given, without zeros at its end.
    """
    if cell is None:
        return "–"
    if setting and isinstance(cell, float):
        return f"{cell:g}"
    if isinstance(cell, float):
        if 1e-3 <= abs(cell) < 0.1:
            return f"{cell:.4g}"
        if cell == 0 or 0.1 <= abs(cell) < 1e5:
            return f"{cell:.{max(0, 4 - len(str(int(abs(cell)))))}f}" if abs(cell) >= 1 else f"{cell:.4f}"
        return f"{cell:.3g}"
    return str(cell)
