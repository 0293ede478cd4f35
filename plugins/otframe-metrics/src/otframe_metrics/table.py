"""`metric.table`: several metrics over a stream, one row an image and one for all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

from pydantic import Field, model_validator

from otframe.interfaces import Accumulator, Context
from otframe.values import Image, Scalar, Table
from otframe_metrics.metric import Metric
from otframe_metrics.pairs import check_pair
from otframe_metrics.patch_frechet import PatchFrechet
from otframe_metrics.psnr import Psnr
from otframe_metrics.ssim import Ssim

__all__ = ["ALL", "MetricTable", "TableState", "cell"]

ALL = "all"
"""Name of the last row, that of the whole set."""

Row = tuple[float | int | str | None, ...]


@dataclass(frozen=True)
class TableState:
    """The rows so far, and each metric's state of the set."""

    rows: tuple[Row, ...]
    states: tuple[Any, ...]


class MetricTable(Accumulator):
    """Measure every pair with several metrics. The last row, `all`, is the metrics' number of the whole set.

    The rows are named by the items' keys. For means such as PSNR the last row is the mean of the column; for
    distances of laws it is the distance of the laws of all images, which is no mean. An infinite number (PSNR of
    equal images) becomes the text `inf`, as JSON has no infinity. Only the row and one state a metric are kept.
    `DataError` where the sizes or spaces of a pair differ or a pixel is not finite.
    """

    metrics: list[Metric] = Field(default_factory=lambda: [Psnr(), Ssim(), PatchFrechet()], min_length=1)
    """The columns, as components: `[{use: metric.psnr}, {use: metric.ssim}]`."""

    @model_validator(mode="after")
    def _columns_differ(self) -> Self:
        names = [metric.column for metric in self.metrics]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two metrics would share the column {', '.join(twice)}")
        return self

    def lift(self, image: Image, reference: Image, *, ctx: Context) -> TableState:
        """The row of one pair."""
        check_pair(image, reference)
        states = tuple(ctx.call(metric.lift, image, reference) for metric in self.metrics)
        name = ctx.key or str(image.meta.get("stem", ""))
        return TableState((self._row(name, states),), states)

    def merge(self, a: TableState, b: TableState) -> TableState:
        """The rows of both, and the states of both sets together."""
        states = tuple(metric.merge(x, y) for metric, x, y in zip(self.metrics, a.states, b.states, strict=True))
        return TableState(a.rows + b.rows, states)

    def finish(self, s: TableState) -> Table:
        """The table: `image`, then a column a metric."""
        return Table(
            ("image", *(metric.column for metric in self.metrics)),
            (*s.rows, self._row(ALL, s.states)),
            "Metrics",
            ("", *(metric.better for metric in self.metrics)),
        )

    def _row(self, name: str, states: tuple[Any, ...]) -> Row:
        return (name, *(cell(m.finish(state)) for m, state in zip(self.metrics, states, strict=True)))


def cell(scalar: Scalar) -> float | str | None:
    """A number as a table holds it: infinity as the text `inf` or `-inf`, nothing where it is not a number."""
    number = float(scalar)
    return number if math.isfinite(number) else None if math.isnan(number) else str(number)
