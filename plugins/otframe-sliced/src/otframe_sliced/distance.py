"""`sliced.distance`: the sliced Wasserstein distance of two clouds, with its standard error."""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

import torch
from pydantic import Field as Parameter

from otframe.interfaces import Component, Context, Transform
from otframe.values import PointCloud, Scalar
from otframe_sliced.clouds import Cloud, Frame, prepared
from otframe_sliced.directions import orthonormal_groups, quasi_random_groups
from otframe_sliced.line import line_costs

__all__ = ["Found", "SlicedDistance", "sliced_costs"]

_BLOCK = 1 << 22


class Found(NamedTuple):
    """What `sliced.distance` gives: on wires, `node.distance` and `node.standard_error`."""

    distance: Scalar
    """In the units of the points, 0 or more."""
    standard_error: Scalar
    """One standard deviation of the distance over the choice of directions, in the same units."""


class SlicedDistance(Transform):
    r"""The sliced Wasserstein distance of two clouds [bonneel2015sliced]_:

    .. math:: SW_p(x, y) = \Bigl( \frac{1}{L} \sum_{\theta} W_p^p(\langle x, \theta \rangle, \langle y, \theta \rangle)
              \Bigr)^{1/p}

    the mean over directions of the sphere of the transport costs on the line. It has no more than the cost of sorting,
    for any number of points. The directions of an orthonormal basis share the mean of the squared length of any vector,
    so for p = 2 that part of the distance has no error: a shift by s has `SW_2^2 = |s|^2 / d` exactly.

    The standard error is that of the mean over independent groups of directions: bases, or scrambles of a Sobol set
    [owen1997scrambled]_. On the line both are exact, and the error is 0.
    """

    references: ClassVar[tuple[str, ...]] = ("bonneel2015sliced", "owen1997scrambled", "peyre2019computational")

    p: float = Parameter(default=2.0, ge=1.0, le=100.0)
    """The exponent, 1 or more."""

    directions: Literal["orthonormal", "quasi-random"] = "orthonormal"
    """Directions by random orthonormal bases, or quasi-random on the sphere."""

    count: int = Parameter(default=96, ge=2, le=1_000_000)
    """Number of directions; raised to whole bases, two at least, or to whole sets of eight."""

    @classmethod
    def examples(cls) -> list[Component]:
        """The squared cost along bases, and the plain one along quasi-random directions."""
        return [cls(), cls(p=1.0, directions="quasi-random", count=64)]

    def __call__(self, source: PointCloud, target: PointCloud, *, ctx: Context) -> Found:
        """Measure the distance.

        Parameters
        ----------
        source, target : PointCloud
            n and m points in one dimension d, weighted or not. Weights are scaled to sum 1; points of no weight do not
            count. `DataError` where something is NaN or infinite, or a cloud has no mass.
        ctx : Context
            The directions are drawn from it; also told the progress.

        Returns
        -------
        Found
            `distance` and `standard_error`.
        """
        clouds = prepared([source, target], ["source", "target"])
        frame = Frame.around(clouds)
        x, y = (frame.enter(cloud) for cloud in clouds)
        make = orthonormal_groups if self.directions == "orthonormal" else quasi_random_groups
        means = []
        for number, group in enumerate(make(x.points.shape[1], self.count, ctx.rng)):
            means.append(sliced_costs(x, y, group, self.p).mean())
            ctx.progress(min(1.0, number * len(group) / self.count))
        costs = torch.stack(means)
        mean, error = float(costs.mean()), float(costs.std() / len(costs) ** 0.5)
        distance = mean ** (1 / self.p)
        # d(m^(1/p)) = m^(1/p) / (p m) dm
        spread = error * distance / (self.p * mean) if mean > 0 else 0.0
        name = f"sliced W{self.p:g}"
        return Found(Scalar(distance * frame.scale, name), Scalar(spread * frame.scale, f"standard error of {name}"))


def sliced_costs(x: Cloud, y: Cloud, directions: torch.Tensor, p: float) -> torch.Tensor:
    """The cost `W_p^p` along each direction `(l, d)`, shape `(l,)`, float64; some at once, to bound memory."""
    directions = directions.to(x.points)
    lines = max(1, _BLOCK // (x.count + y.count))
    found = [
        line_costs(part @ x.points.T, x.weights, part @ y.points.T, y.weights, p) for part in directions.split(lines)
    ]
    return torch.cat(found)
