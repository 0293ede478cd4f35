"""Small results: `Table` of metric rows, `Scalar`, and `Draw`, the index of a random draw."""

from __future__ import annotations

from dataclasses import dataclass

from otframe.errors import DataError
from otframe.values.base import Value

__all__ = ["Draw", "Scalar", "Table"]

Cell = float | int | str | None


@dataclass(frozen=True)
class Table(Value):
    """Rows of results.

    Parameters
    ----------
    columns : tuple of str
        Column names; the first column names the rows.
    rows : tuple of tuples
        One cell a column: a number, a text, or None where there is nothing to say.
    title : str
        A caption.
    better : tuple of str
        For each column `higher`, `lower` or an empty text: which direction is good.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    better: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise DataError(f"a row has {len(row)} cells, the table {len(self.columns)} columns: {row}")


@dataclass(frozen=True)
class Scalar(Value):
    """One number with its name and unit. Where a port wants a plain `float`, a scalar may be wired."""

    number: float
    name: str = ""
    unit: str = ""

    def __float__(self) -> float:
        return float(self.number)


@dataclass(frozen=True)
class Draw(Value):
    """The index of a random draw; a stream of draws has as many as wanted."""

    index: int
