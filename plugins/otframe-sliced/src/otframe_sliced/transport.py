"""`sliced.transport`: the projection flow of one cloud onto another."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field as Parameter

from otframe.interfaces import Component, Context, Solver
from otframe.values import PointCloud, PointMap
from otframe_sliced.clouds import Cloud, Frame, binned, distinct, prepared, thinned
from otframe_sliced.flow import Progress, flowed, refined
from otframe_sliced.splat import Splat

__all__ = ["SlicedTransport"]

_CARRYING = 5
_MANY = 1 << 18
"""More points than this are joined where they coincide: a photograph has far fewer colours than pixels."""


class SlicedTransport(Solver):
    r"""A map of one cloud onto another, made of transports on lines.

    Along the axes of one random orthonormal basis after another, each coordinate of the moved cloud goes where the
    optimal transport on the line takes it [pitie2007automated]_; this descends the sliced Wasserstein distance to the
    target [bonneel2015sliced]_. It takes any number of points and needs no more than sorting. On the line the map is
    the optimal one; elsewhere its cost is at least the optimal one.

    In three dimensions, where points are colours, the map is carried to a table of `table^3` nodes and that table is
    then fitted so that what *it* makes of the source lies at the target: it moves millions of further points fast, and
    has no grain. In other dimensions a new point moves as the nearest of the source does.
    """

    references: ClassVar[tuple[str, ...]] = ("pitie2007automated", "bonneel2015sliced", "peyre2019computational")
    promises: ClassVar[tuple[str, ...]] = ("identity", "translation", "sorting")

    bases: int = Parameter(default=60, ge=1, le=100_000)
    """The most random bases that the cloud is moved along; with a table, the first five of them carry its nodes."""

    step: float = Parameter(default=1.0, gt=0.0, le=1.0)
    """How far each coordinate goes towards its place on the line: 1 all the way."""

    tolerance: float = Parameter(default=0.02, ge=0.0, lt=1.0)
    """The flow ends where three bases in a row would move the points by no more than this part of what the first did;
    `info` tells whether they would."""

    samples: int | None = Parameter(default=65536, ge=1)
    """Points that are taken of a larger cloud, drawn all over it by weight; absent, all count."""

    histogram: int | None = Parameter(default=None, ge=1, le=15)
    """Bits on each axis of a histogram that both clouds are replaced by, such as 6 for colours; absent, there is none.
    The points of large clouds then are few, and all of them count where `samples` is absent."""

    table: int = Parameter(default=33, ge=0, le=129)
    """Nodes on each axis of the table in three dimensions; 0 for no table."""

    @classmethod
    def examples(cls) -> list[Component]:
        """The default; half steps; few samples and a histogram, which the map shows."""
        return [cls(), cls(step=0.5, bases=8), cls(samples=20, bases=4), cls(histogram=2, bases=4)]

    def solve(self, source: PointCloud, target: PointCloud, *, ctx: Context) -> PointMap:
        """Find the map.

        Parameters
        ----------
        source, target : PointCloud
            n and m points in one dimension d, weighted or not. Weights are scaled to sum 1; points of no weight do not
            count; points of the source that coincide move as one. `DataError` where something is NaN or infinite, or a
            cloud has no mass.
        ctx : Context
            Bases and samples are drawn from it; also told the progress.

        Returns
        -------
        PointMap
            `cost` is the mean squared distance that the map moves the source. `info.residual` is how far a further
            basis would move the points, as a part of how far the first did (root mean squares): between as many equal
            masses, the sliced distance left. `info.iterations` are the bases used.
        """
        clouds = prepared([source, target], ["source", "target"])
        if self.samples is not None:
            clouds = [thinned(cloud, self.samples, ctx.rng) for cloud in clouds]
        if self.histogram is not None:
            clouds = [binned(cloud, self.histogram) for cloud in clouds]
        given = clouds[0]
        if self.table >= 2 and given.points.shape[1] == 3:
            return self._tabled(given, clouds[1], ctx)
        frame = Frame.around(clouds)
        joined, number = distinct(given)
        x, y = frame.enter(joined), frame.enter(clouds[1])
        progress = Progress(self.bases, self.tolerance, ctx)
        moved, _ = flowed(x, y, self.step, self.bases, progress)
        shift = moved - x.points
        cost = _cost(shift, x, frame)
        if number is not None:
            shift = shift[number]
        return PointMap(cost, progress.info, given.points, given.points + shift * frame.scale)

    def _tabled(self, given: Cloud, target: Cloud, ctx: Context) -> PointMap:
        given, target = (distinct(cloud)[0] if cloud.count > _MANY else cloud for cloud in (given, target))
        frame = Frame.around([given, target])
        x, y = frame.enter(given), frame.enter(target)
        # an axis on which all points agree gets some width, also where the origin is far
        width = torch.where(x.high > x.low, x.high - x.low, 1 + 1e-6 * frame.centre.abs().to(x.points) / frame.scale)
        axes = [torch.linspace(0, 1, self.table, dtype=width.dtype, device=width.device)] * 3
        grid = x.low + width * torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
        progress = Progress(self.bases, self.tolerance, ctx)
        carrying = min(_CARRYING, self.bases)
        _, carried = flowed(x, y, self.step, carrying, progress, grid)
        splat = Splat(x.points, x.mass, x.low, x.low + width, self.table)
        # the points themselves may be at the target already: what counts is where the table puts them
        nodes = refined(x, y, splat, carried - grid, self.step, self.bases - progress.moves, progress)
        shift = splat.values(nodes)
        low = frame.outside(x.low.double())
        return PointMap(
            _cost(shift, x, frame),
            progress.info,
            given.points,
            given.points + shift * frame.scale,
            (nodes * frame.scale).reshape(*(self.table,) * 3, 3),
            low,
            low + width.double() * frame.scale,
        )


def _cost(shift: torch.Tensor, cloud: Cloud, frame: Frame) -> float:
    return float((shift.double().square().sum(1) * cloud.mass).sum()) * frame.scale**2
