"""`Posed`: two clouds as a problem, in units in which neither a far origin nor the scale costs digits."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property

import torch

from otframe.errors import DataError
from otframe.values import PointCloud
from otframe_sinkhorn.clouds.costs import CostFunction, PointCost
from otframe_sinkhorn.clouds.problem import HELD, PointProblem

__all__ = ["Posed", "checked", "masses", "side_of"]

_WIDEST = 1e150
"""Beyond this squared distances leave float64."""


class Posed:
    """The problem between two checked clouds, in units in which all points lie within [-1, 1].

    Parameters
    ----------
    source, target : PointCloud
        The clouds.
    blur : float
        In the units of the points; of the costs, where they are given.
    kind : str
        `squared`, `absolute`, `distance`, or `custom`.
    reach : float, optional
        As the blur.
    costs : torch.Tensor, optional
        Shape `(n, m)`: all costs, where they are custom ones.
    held : int
        Up to so many pairs of points a matrix is held.
    """

    def __init__(
        self,
        source: PointCloud,
        target: PointCloud,
        blur: float,
        kind: str,
        reach: float | None,
        costs: torch.Tensor | None = None,
        held: int = HELD,
    ) -> None:
        self.source, self.target, self.blur, self.kind = source, target, blur, kind
        self.reach, self.costs, self.held = reach, costs, held
        # most points are near the median, however far away some are, and keep their digits
        points = torch.cat([cloud.points.detach().double()[masses(cloud) > 0] for cloud in (source, target)])
        self.centre = points.median(0).values
        extents = [(cloud.points.detach().double() / 2 - self.centre / 2).abs().amax() for cloud in (source, target)]
        half = max(float(extent) for extent in extents)
        if not half < _WIDEST:
            raise DataError(
                f"the points lie {2 * half:.3g} apart: their squared distances leave float64",
                hint="give the points in other units",
            )
        # a power of two, so that nothing is rounded
        self.scale = math.ldexp(1.0, math.frexp(2 * half)[1]) if half > 0 else 1.0

    def inside(self, points: torch.Tensor) -> torch.Tensor:
        """Points `(n, d)` in these units, float64."""
        return (points.double() - self.centre) / self.scale

    def outside(self, points: torch.Tensor) -> torch.Tensor:
        """Points `(n, d)` in the units of the data, float64."""
        return points * self.scale + self.centre

    @property
    def length(self) -> float:
        """The unit of blur and reach."""
        return 1.0 if self.costs is not None else self.scale

    @property
    def unit(self) -> float:
        """The unit of the cost."""
        if self.costs is not None:
            return 1.0
        return self.scale**2 if self.kind == "squared" else self.scale

    @property
    def cost(self) -> PointCost | CostFunction:
        """The cost as a problem takes it."""
        given = self.costs
        return self.kind if given is None else lambda x, y: given  # type: ignore[return-value]

    @cached_property
    def problem(self) -> PointProblem:
        """The problem, a batch of one."""
        x, y = (self.inside(cloud.points.detach())[None] for cloud in (self.source, self.target))
        a, b = (masses(cloud)[None] for cloud in (self.source, self.target))
        blur, reach = self.blur / self.length, None if self.reach is None else self.reach / self.length
        return PointProblem(x, y, a, b, blur, self.cost, reach, self.held)


def checked(source: PointCloud, target: PointCloud, balanced: bool) -> tuple[PointCloud, PointCloud]:
    """The clouds with weights `(n,)` in float64, of sum 1 where the transport is balanced, on the first one's device.

    `DataError` where the dimensions differ, points or weights are not finite, or weights are negative or all zero.
    """
    if source.dim != target.dim:
        raise DataError(
            f"the source has dimension {source.dim}, the target {target.dim}",
            hint="transport is between points of one space",
        )
    device = source.points.device
    first = _weighted(source, "source", balanced)
    second = _weighted(replace(target, points=target.points.to(device)), "target", balanced)
    return first, second


def side_of(source: PointCloud, target: PointCloud) -> float:
    """The longest side of the box around all points that have mass; 1 where they are one point."""
    held = [cloud.points[masses(cloud) > 0].double() for cloud in (source, target)]
    both = torch.cat(held)
    return float((both.amax(0) - both.amin(0)).amax()) or 1.0


def masses(cloud: PointCloud) -> torch.Tensor:
    """The weights `(n,)` of a checked cloud, float64."""
    assert cloud.weights is not None
    return cloud.weights


def _weighted(cloud: PointCloud, port: str, balanced: bool) -> PointCloud:
    if not bool(torch.isfinite(cloud.points).all()):
        raise DataError("points are finite, got NaN or infinity", port=port)
    if cloud.weights is None:
        one = torch.ones(cloud.count, dtype=torch.float64, device=cloud.points.device)
        return replace(cloud, weights=one / cloud.count)
    weights = cloud.weights.detach().to(cloud.points.device, torch.float64)
    least, largest = float(weights.min()), float(weights.max())
    if not (math.isfinite(largest) and least >= 0):
        raise DataError(f"weights are finite and not negative, got some from {least:g} to {largest:g}", port=port)
    if largest == 0:
        raise DataError("a measure has mass somewhere, got weights that are all zero", port=port)
    if balanced:
        weights = weights / largest
        weights = weights / weights.sum()
    return replace(cloud, weights=weights)
