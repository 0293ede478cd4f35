"""`segment.judge`: how far the histograms of regions are from their exemplars."""

from __future__ import annotations

from typing import ClassVar

import torch

from otframe.interfaces import Component, Context, Solver, Transform
from otframe.values import PointCloud, Table
from otframe_segment.values import Segmentation

__all__ = ["Judge"]


class Judge(Transform):
    """Measure each region's histogram against its exemplar, by a transport solver of your own.

    The segmentation itself has its transport inside; this one is balanced and independent of it: the Wasserstein
    distance between the colours of the region and those under its scribbles, in units of the palette (black to white
    is 1). A large one says that the scribbles are not like the region.
    """

    references: ClassVar[tuple[str, ...]] = ("rabin2015convex",)

    solver: Solver | None = None
    """What gives the transport, from `source` to `target`, such as `{use: exact.network}`; absent, the distance of the
    mean colours alone is told, which is no more than the other."""

    title: str = "Histograms"
    """Caption of the table."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Means alone."""
        return [cls()]

    def __call__(self, segmentation: Segmentation, *, ctx: Context) -> Table:
        """A row for each region: its share of the image, and the distance; an empty cell where there is no exemplar."""
        rows = []
        for number, name in enumerate(segmentation.names):
            found, wanted = segmentation.histograms[number], segmentation.exemplars[number]
            share = float((segmentation.labels == number).double().mean())
            told = None
            if float(found.sum()) > 0 and float(wanted.sum()) > 0:
                told = self._distance(segmentation.palette, found, wanted, ctx)
            rows.append((name, share, told))
        column = "mean colour" if self.solver is None else "transport distance"
        return Table(("region", "share", column), tuple(rows), self.title, ("", "", "lower"))

    def _distance(self, palette: torch.Tensor, found: torch.Tensor, wanted: torch.Tensor, ctx: Context) -> float:
        clouds = []
        for mass in (found, wanted):
            held = (mass > 0).nonzero()[:, 0]
            clouds.append(PointCloud(palette.double().index_select(0, held), mass.index_select(0, held)))
        if self.solver is None:
            means = [(cloud.points * cloud.weights[:, None]).sum(0) / cloud.weights.sum() for cloud in clouds]
            return float((means[0] - means[1]).square().sum().sqrt())
        transport = ctx.call(self.solver.solve, source=clouds[0], target=clouds[1])
        return max(0.0, float(transport.cost)) ** 0.5
