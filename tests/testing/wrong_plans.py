"""Solvers between points that are wrong in one way each: each breaks one promise and could keep another."""

from __future__ import annotations

from typing import ClassVar

import torch
from scipy.optimize import linear_sum_assignment

from otframe.errors import DataError
from otframe.interfaces import Solver
from otframe.values import Plan, PointCloud, SolveInfo


class InOrder(Solver):
    """Matches weighted points on their first coordinate, which is right on a line alone."""

    references = ("peyre2019computational",)
    promises: ClassVar[tuple[str, ...]] = ("identity", "permutation", "symmetry", "scaling", "dirac", "quantiles")

    def solve(self, source: PointCloud, target: PointCloud) -> Plan:
        """The monotone plan."""
        if source.dim != target.dim or not torch.isfinite(torch.cat([source.points, target.points])).all():
            raise DataError("wanted finite points of one dimension")
        orders = [self.order(cloud.points[:, 0]) for cloud in (source, target)]
        ends = [self.weights(cloud)[order].cumsum(0) for cloud, order in zip((source, target), orders, strict=True)]
        marks = torch.cat(ends).sort().values.clamp(max=min(float(end[-1]) for end in ends))
        mass = torch.diff(marks, prepend=marks.new_zeros(1))
        middle = marks - mass / 2
        rows, cols = (
            order[torch.searchsorted(end, middle).clamp(max=len(end) - 1)]
            for order, end in zip(orders, ends, strict=True)
        )
        paid = self.price(source.points.double()[rows], target.points.double()[cols])
        return Plan(float((mass * paid).sum()), SolveInfo(), rows, cols, mass, source, target)

    def order(self, places):
        return places.argsort()

    def weights(self, cloud):
        weights = cloud.points.new_ones(cloud.count) if cloud.weights is None else cloud.weights
        return weights.double() / weights.double().sum()

    def price(self, x, y):
        return (x - y).square().sum(1)


class ByIndex(InOrder):
    """Matches points as they are listed."""

    promises = ("permutation",)

    def order(self, places):
        return torch.arange(len(places), device=places.device)


class OneWay(InOrder):
    """Uphill costs more than downhill."""

    promises = ("symmetry",)

    def price(self, x, y):
        return super().price(x, y) * (1 + (y[:, 0] > x[:, 0]))


class FixedUnit(InOrder):
    """Its cost levels off, at a distance in units of its own."""

    promises = ("scaling",)

    def price(self, x, y):
        return 1 - (-super().price(x, y)).exp()


class NoWeights(InOrder):
    """Every point counts alike."""

    promises = ("quantiles",)

    def weights(self, cloud):
        return torch.full((cloud.count,), 1 / cloud.count, dtype=torch.float64, device=cloud.points.device)


class Distance(InOrder):
    """Tells the distance for the cost."""

    promises = ("dirac",)

    def price(self, x, y):
        return super().price(x, y).sqrt()


class NotTheGradient(InOrder):
    """A monotone matching of the first coordinate is no gradient in several dimensions."""

    promises = ("gradient",)


class Assigned(InOrder):
    """The exact permutation, right where there is one."""

    promises = ("identity", "permutation", "symmetry", "scaling", "gradient", "assignment")

    def solve(self, source: PointCloud, target: PointCloud) -> Plan:
        """The permutation."""
        if source.points.shape != target.points.shape or not torch.isfinite(source.points + target.points).all():
            raise DataError("wanted as many finite points of one dimension")
        cost = torch.cdist(source.points.double(), target.points.double()).square().cpu()
        rows, cols = (torch.from_numpy(part).to(source.points.device) for part in linear_sum_assignment(cost.numpy()))
        mass = self.weights(PointCloud(source.points))
        paid = self.price(source.points.double(), target.points.double()[cols])
        return Plan(float((mass * paid).sum()), SolveInfo(), rows, cols, mass, source, target)
