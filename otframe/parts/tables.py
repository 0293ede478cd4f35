"""`table.stack`: the tables of several settings as one, with a column for each setting."""

from __future__ import annotations

from collections.abc import Sequence

from otframe.errors import DataError
from otframe.interfaces import Component, Transform
from otframe.values import Table

__all__ = ["Stack"]


class Stack(Transform):
    """One table of several: their rows below one another, with the values of the axes before them.

    The tables must have the same columns. A `matrix` puts its tables together with it.
    """

    axes: tuple[str, ...] = ()
    """Names of the columns that are added in front."""
    values: tuple[tuple[float | int | str | bool | None, ...], ...] = ()
    """For each table, a value for each axis."""

    @classmethod
    def examples(cls) -> list[Component]:
        """One axis with three values."""
        return [cls(axes=("size",), values=((3,), (5,), (7,)))]

    def __call__(self, tables: Sequence[Table]) -> Table:
        """The stacked table; `DataError` where columns differ, or tables or values are missing."""
        if not tables:
            raise DataError("there is no table to stack", port="tables")
        first = tables[0]
        if len(self.values) != len(tables):
            raise DataError(
                f"{len(tables)} tables need as many values of {', '.join(self.axes)}, got {len(self.values)}"
            )
        rows = []
        for table, values in zip(tables, self.values, strict=True):
            if table.columns != first.columns:
                raise DataError(f"tables of different columns cannot be stacked: {first.columns} and {table.columns}")
            if len(values) != len(self.axes):
                raise DataError(f"a table needs a value for each of {', '.join(self.axes)}, got {values}")
            rows += [(*values, *row) for row in table.rows]
        better = ("",) * len(self.axes) + first.better if first.better else ()
        return Table((*self.axes, *first.columns), tuple(rows), first.title, better)
