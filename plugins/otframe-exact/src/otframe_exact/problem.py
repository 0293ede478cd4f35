"""`Problem`: two measures as the engines take them, scaled, with masses in whole units so that plans add up exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.spatial.distance import cdist

from otframe.errors import DataError
from otframe.values import Density, PointCloud

__all__ = ["UNITS", "Array", "Problem", "posed", "scaled"]

UNITS = 2**52
"""Whole units that the mass 1 is divided into where the weights differ. Sums of them are exact in float64."""

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Problem:
    """Two measures and the cost `|x - y|^p` between them.

    Parameters
    ----------
    source, target : PointCloud
        The measures, weights of sum 1 or None.
    x, y : numpy.ndarray
        Their points `(n, d)` and `(m, d)` over `2^exponent`, float64: no two are further apart than 1.
    a, b : numpy.ndarray
        Their masses `(n,)` and `(m,)` in whole units, int64, both of sum `total`.
    total : int
        At most `UNITS`.
    exponent : int
        Of the power of two that is the unit of length.
    p : float
        From 1 to 16.
    """

    source: PointCloud
    target: PointCloud
    x: Array
    y: Array
    a: Array
    b: Array
    total: int
    exponent: int
    p: float

    def costs(self, rows: Array, cols: Array) -> Array:
        """Cost of each pair, shape `(k,)`, in scaled units."""
        squares: Array = np.square(self.x[rows] - self.y[cols]).sum(1)
        return squares if self.p == 2 else squares ** (self.p / 2)

    def block(self, rows: Array | slice, cols: Array | slice) -> Array:
        """Costs between some source points and some target points, in scaled units."""
        metric = "sqeuclidean" if self.p == 2 else "euclidean"
        costs: Array = cdist(self.x[rows], self.y[cols], metric)
        return costs if self.p in (1, 2) else costs**self.p

    def unscaled(self, cost: float | Array) -> Array:
        """A cost, or costs, in the units of the points; `DataError` where that is beyond float64."""
        with np.errstate(over="ignore", invalid="ignore"):
            # in two steps, as the factor alone may be beyond float64 where the product is not
            root = np.exp2(0.5 * self.exponent * self.p)
            told = np.where(np.equal(cost, 0), 0.0, cost * root * root)
        if not np.isfinite(told).all():
            raise DataError(
                f"|x - y|^{self.p:g} is beyond float64 for points that are up to 2^{self.exponent} apart",
                hint="give the points in a larger unit, or a smaller p",
            )
        return told


def posed(source: PointCloud | Density, target: PointCloud | Density, p: float) -> Problem:
    """The problem between two measures, normalised to mass 1.

    `DataError` where the dimensions differ, points or weights are not finite, or weights are negative or all zero.
    """
    before, after = (_cloud(measure, port) for measure, port in ((source, "source"), (target, "target")))
    if before.dim != after.dim:
        raise DataError(
            f"the source has dimension {before.dim}, the target {after.dim}",
            hint="transport is between points of one space",
        )
    x, y = (cloud.points.detach().to("cpu", torch.float64).numpy() for cloud in (before, after))
    weights = [_weights(cloud, port) for cloud, port in ((before, "source"), (after, "target"))]
    a, b, total = _units(weights[0], weights[1], len(x), len(y))
    clouds = [_normalised(cloud, w) for cloud, w in ((before, weights[0]), (after, weights[1]))]
    return scaled(Problem(clouds[0], clouds[1], x, y, a, b, total, 0, p))


def scaled(problem: Problem, diameter: float | None = None) -> Problem:
    """The problem with coordinates over the power of two that makes its diameter, or the given one, at most 1."""
    if diameter is None:
        both = np.concatenate([problem.x, problem.y])
        with np.errstate(over="ignore"):
            diameter = float((both.max(0) - both.min(0)).max()) * math.sqrt(both.shape[1])
    if not math.isfinite(diameter):
        raise DataError("the points are further apart than float64 can tell", hint="give them in a larger unit")
    exponent = math.frexp(diameter)[1] if diameter > 0 else 0
    x, y = (np.ldexp(points, -exponent) for points in (problem.x, problem.y))
    return replace(problem, x=x, y=y, exponent=problem.exponent + exponent)


def _cloud(measure: PointCloud | Density, port: str) -> PointCloud:
    cloud = measure.cloud() if isinstance(measure, Density) else measure
    if not bool(torch.isfinite(cloud.points).all()):
        raise DataError("the points must be finite, got NaN or infinity", port=port)
    return cloud


def _weights(cloud: PointCloud, port: str) -> Array | None:
    """Weights `(n,)` up to a factor, float64, largest 1; None where all are equal."""
    if cloud.weights is None:
        return None
    weights = cloud.weights.detach().to("cpu", torch.float64).numpy()
    largest = float(weights.max())
    if not (math.isfinite(largest) and float(weights.min()) >= 0):
        raise DataError(
            f"weights are finite and not negative, got some from {float(weights.min()):g} to {largest:g}", port=port
        )
    if largest == 0:
        raise DataError("a measure has mass somewhere, got weights that are all zero", port=port)
    return None if float(weights.min()) == largest else weights / largest


def _normalised(cloud: PointCloud, weights: Array | None) -> PointCloud:
    if weights is None:
        return PointCloud(cloud.points)
    made = torch.from_numpy(weights / weights.sum()).to(cloud.points.device)
    return PointCloud(cloud.points, made)


def _units(a: Array | None, b: Array | None, n: int, m: int) -> tuple[Array, Array, int]:
    """Masses in whole units: exact where all weights are equal, else to one unit by largest remainders."""
    if a is None and b is None and math.lcm(n, m) <= UNITS:
        total = math.lcm(n, m)
        return np.full(n, total // n), np.full(m, total // m), total
    return _apportioned(a, n), _apportioned(b, m), UNITS


def _apportioned(weights: Array | None, n: int) -> Array:
    if weights is None:
        weights = np.ones(n)
    shares = weights / math.fsum(weights) * UNITS
    units = np.floor(shares).astype(np.int64)
    rest = UNITS - int(units.sum())
    # the largest remainders get the units that are left; where rounding made too many, the largest masses give them
    order = np.argsort(units - shares if rest >= 0 else -shares, kind="stable")
    units[order[: abs(rest)]] += 1 if rest >= 0 else -1
    return units
