"""Tables of a run, from memory or read back from the files that were written."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_origin

from otframe.errors import OtframeError
from otframe.io.table_file import TableFile
from otframe.registry import Registry
from otframe.run.journal import Journal
from otframe.values import Table

__all__ = ["best_rows", "format_cell", "is_setting", "read_table", "tables"]

_MOST = 12


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
                found.append((f"{output.name}, {key}" if key else output.name, table))
    return found


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
    """Whether a column was chosen, not measured: others have a direction that is better, and this one has not."""
    return any(table.better) and not (table.better[column] if column < len(table.better) else "")


def format_cell(cell: Any, *, setting: bool = False) -> str:
    """A cell as people read it: four digits of a number are enough here, the file has them all.

    A setting is told as it was given, without zeros at its end.
    """
    if cell is None:
        return "–"
    if setting and isinstance(cell, float):
        return f"{cell:g}"
    if isinstance(cell, float):
        if cell == 0 or 1e-3 <= abs(cell) < 1e5:
            return f"{cell:.{max(0, 4 - len(str(int(abs(cell)))))}f}" if abs(cell) >= 1 else f"{cell:.4f}"
        return f"{cell:.3g}"
    return str(cell)
