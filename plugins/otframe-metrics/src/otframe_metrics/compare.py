"""`metric.compare`: the tables of several methods in one."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from otframe.errors import DataError
from otframe.interfaces import Transform
from otframe.values import Table

__all__ = ["Compare"]


class Compare(Transform):
    """One row a method: the last row (`all`) of each of the labelled tables, under the label.

    Columns are those of all tables in the order they first appear; a cell is empty where a table lacks the column.
    `DataError` where there is no table, a table is empty, or tables disagree on which direction of a column is good.
    """

    title: str = Field(default="Comparison")
    """Caption of the table."""
    label: str = Field(default="method")
    """Heading of the column of labels."""

    def __call__(self, tables: Mapping[str, Table]) -> Table:
        """The table of methods."""
        if not tables:
            raise DataError("there is no table to compare", port="tables")
        better: dict[str, str] = {}
        lasts: dict[str, dict[str, float | int | str | None]] = {}
        for name, table in tables.items():
            if not table.rows:
                raise DataError(f"the table '{name}' has no rows", port="tables")
            directions = table.better or ("",) * len(table.columns)
            for column, direction in zip(table.columns[1:], directions[1:], strict=True):
                if better.setdefault(column, direction) != direction:
                    raise DataError(f"table '{name}' and one before it disagree on what is better in '{column}'")
            lasts[name] = dict(zip(table.columns[1:], table.rows[-1][1:], strict=True))
        rows = tuple((name, *(last.get(column) for column in better)) for name, last in lasts.items())
        return Table((self.label, *better), rows, self.title, ("", *better.values()))
