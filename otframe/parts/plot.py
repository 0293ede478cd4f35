"""`transport.plot`: a drawing of where the mass goes."""

from __future__ import annotations

import torch
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Transform
from otframe.parts.arrows import arrows
from otframe.parts.flow import flow, places
from otframe.parts.plot_line import line
from otframe.parts.plot_plane import plane
from otframe.values import Drawing, PointCloud, Transport

__all__ = ["Plot"]


class Plot(Transform):
    """A plan or map between two clouds, drawn.

    In the plane: both clouds as squares, and needles from where mass leaves to where it arrives, darker the more there
    is. A plan's mass fans out to the places that it goes to; a map has one needle a point. On a line, or where all
    points lie on one along an axis: the plan as a matrix, the source downwards at its left, the target above it. Of
    more dimensions the two in which the points reach furthest are seen. The first coordinate runs downwards and the
    second to the right, as in an image. `transport.measure` has the numbers.
    """

    arrows: int = Parameter(default=300, ge=1, le=5000)
    """Points whose mass is drawn at most; where there are more, evenly spread ones stand for their surroundings."""

    spread: int = Parameter(default=5, ge=1, le=50)
    """Ends of one point's mass that are drawn at most."""

    title: str = ""
    """What is to be seen, for those who cannot see it."""

    @classmethod
    def examples(cls) -> list[Component]:
        """As it is, and with few arrows."""
        return [cls(), cls(arrows=10, spread=1)]

    def __call__(self, transport: Transport, source: PointCloud, target: PointCloud) -> Drawing:
        """Draw it.

        Parameters
        ----------
        transport : Transport
            A plan, or a map, in the dimension of the clouds.
        source, target : PointCloud
            What it moves, and onto what.

        Returns
        -------
        Drawing
            Some 340 units wide. `DataError` where the transport is of another dimension, or something is not finite.
        """
        before, after = places(source), places(target)
        moved = flow(transport, source)
        if len({moved.points.shape[1], moved.ends.shape[1], source.dim, target.dim}) > 1:
            raise DataError(
                f"the transport goes from dimension {moved.points.shape[1]} to {moved.ends.shape[1]}, the clouds have "
                f"{source.dim} and {target.dim}"
            )
        all_points = torch.cat([before[0], after[0]])
        reach = all_points.max(0).values - all_points.min(0).values
        wide = torch.argsort(reach, descending=True, stable=True)[:2].sort().values.tolist()
        told = self.title or f"where the mass goes, of {source.count} points onto {target.count}"
        varying = int((reach > 1e-9 * reach.max()).sum())
        if source.dim == 1 or varying == 1:
            axis = int(reach.argmax())
            measures = [(points[:, axis], mass) for points, mass in (before, after)]
            return line(moved, axis, measures[0], measures[1], told)
        axes = (wide[0], wide[1])
        seen = arrows(moved, axes, most=self.arrows, spread=self.spread)
        sides = [(points[:, axes], mass) for points, mass in (before, after)]
        return plane(sides[0], sides[1], seen, told)
