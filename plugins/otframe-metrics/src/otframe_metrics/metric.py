"""`Metric`: the base of what a table of metrics is made of."""

from __future__ import annotations

import abc
from typing import Any, ClassVar, Literal

from otframe.interfaces import Accumulator
from otframe.values import Image, Scalar

__all__ = ["Metric"]


class Metric(Accumulator):
    """A number for a set of pairs (image, reference): `lift` sees one pair, `merge` joins, `finish` tells the number.

    A subclass sets the class variables, and gives the verbs. The state must not grow with the set, so that sets of
    any size fit in memory, and no state may be changed by `merge`.
    """

    label: ClassVar[str]
    """What the column is called."""
    unit: ClassVar[str] = ""
    """Unit of the number; empty where there is none."""
    better: ClassVar[Literal["higher", "lower"]]
    """Which direction is good."""

    @property
    def column(self) -> str:
        """Heading of the metric's column in a table; differs where parameters change what is measured."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def value(self, number: float) -> Scalar:
        """The number with the metric's name and unit."""
        return Scalar(number, self.column.removesuffix(f" ({self.unit})"), self.unit)

    @abc.abstractmethod
    def lift(self, image: Image, reference: Image) -> Any:
        """The state of one pair; `DataError` where the two cannot be compared."""

    @abc.abstractmethod
    def merge(self, a: Any, b: Any) -> Any:
        """The state of both sets together."""

    @abc.abstractmethod
    def finish(self, s: Any) -> Scalar:
        """The number of the set."""
