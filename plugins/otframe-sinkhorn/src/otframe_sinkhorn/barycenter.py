"""`sinkhorn.barycenter`: entropic barycentres of densities on one grid, or of clouds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal, TypeVar

from pydantic import Field as Parameter
from pydantic import field_validator

from otframe.errors import DataError
from otframe.interfaces import Component, Context, Solver
from otframe.values import Density, PointCloud
from otframe_sinkhorn.barycenters.clouds import cloud_barycenter
from otframe_sinkhorn.barycenters.grids import grid_barycenter
from otframe_sinkhorn.barycenters.value import CloudBarycenter, GridBarycenter
from otframe_sinkhorn.grids.kernel import Cost
from otframe_sinkhorn.missed import missed

__all__ = ["SinkhornBarycenter"]

M = TypeVar("M", Density, PointCloud)


class SinkhornBarycenter(Solver):
    r"""The entropic barycentre of densities on one grid, or of clouds [agueh2011barycenters]_.

    .. math:: \min_b \sum_k w_k\, S_\varepsilon(b, a_k) \quad\text{or}\quad \min_b \sum_k w_k\, OT_\varepsilon(b, a_k)

    with `eps = 2 blur^2` for the squared distance and `eps = blur` for the absolute one. The second, plain one is
    blurred by about as much as the blur; the first is debiased [janati2020debiased]_: the barycentre of copies of a
    measure is that measure, and nothing grows or shrinks on the way between two.

    Densities: iterative Bregman projections [benamou2015iterative]_ on separable kernels [solomon2015convolutional]_,
    from coarse to fine, over-relaxed as their rate allows [lehmann2022overrelaxation]_, in float64. Details finer than
    the blur are taken out of it by a deconvolution that starts at the smooth barycentre: the smaller `tol`, the more
    of them, and the sharper ones. Clouds: the points of one of them move to where the entropic plans take them on
    average [cuturi2014fast]_, less what the plan with themselves does.
    """

    references: ClassVar[tuple[str, ...]] = (
        "agueh2011barycenters",
        "benamou2015iterative",
        "janati2020debiased",
        "solomon2015convolutional",
        "lehmann2022overrelaxation",
        "cuturi2014fast",
        "odonoghue2015adaptive",
    )
    promises: ClassVar[tuple[str, ...]] = ("identity", "translation~1e-3")

    weights: tuple[float, ...] | None = None
    """Weight of each measure, in the order of the stream; scaled to sum 1. Equal where absent."""

    debiased: bool = True
    """Whether the blur is taken out of the barycentre. Without, a density comes out smooth and wider, a cloud
    narrower."""

    blur: float = Parameter(default=0.01, gt=0.0)
    """Below this length nothing is told apart; in the unit that `unit` says."""

    unit: Literal["side", "cell", "length"] = "side"
    """What lengths are measured in: the longest side of the grid, or of the box around all clouds; the distance of
    neighbours on a grid; or the grid's spacing and the units of the points."""

    cost: Cost = "squared"
    """`squared`: `|x - y|^2`; `absolute`: the sum of `|x_k - y_k|` over the axes, on grids alone."""

    count: int | None = Parameter(default=None, ge=1)
    """Points of the barycentre of clouds, drawn from the cloud of the largest weight; all of its points that have
    mass, with their weights, where absent."""

    tol: float = Parameter(default=1e-3, gt=0.0, lt=1.0)
    """Where to stop: for densities the error of the plans' marginals in L1; for clouds the part of their spread by
    which the points still move."""

    iterations: int = Parameter(default=2000, ge=1)
    """The most iterations, for densities on the finest grid, for clouds of the points' moves."""

    @field_validator("weights")
    @classmethod
    def _proper(cls, weights: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if weights is not None and (not weights or not min(weights) >= 0.0 or not 0.0 < math.fsum(weights) < math.inf):
            raise ValueError("weights must be non-negative, finite and not all zero")
        return weights

    @classmethod
    def examples(cls) -> list[Component]:
        """Debiased and plain, with few and with many of the parameters."""
        return [cls(blur=0.2, tol=0.01), cls(blur=0.1, debiased=False, weights=(1.0, 2.0, 0.0), count=15, tol=0.02)]

    def solve(self, measures: Sequence[M], *, ctx: Context) -> M:
        """Find the barycentre.

        Parameters
        ----------
        measures : sequence of Density or PointCloud
            At least one: densities on one grid, or clouds in one dimension. All are brought to sum 1.
        ctx : Context
            Told the progress. Points are drawn from it where there is a `count`.

        Returns
        -------
        GridBarycenter or CloudBarycenter
            A density or a cloud of sum 1, float64, on the device of the first measure, with an `info`.

        Raises
        ------
        DataError
            There is nothing, measures do not fit one another or the weights, or are not finite.
        ConvergenceError
            The iterations were used up; its `state` holds what was reached.
        """
        given = self._weighted(measures)
        made: GridBarycenter | CloudBarycenter
        if all(isinstance(measure, Density) for _, measure in given):
            made = self._of_densities([(weight, measure) for weight, measure in given], ctx)  # type: ignore[misc]
        elif all(isinstance(measure, PointCloud) for _, measure in given):
            made = self._of_clouds([(weight, measure) for weight, measure in given], ctx)  # type: ignore[misc]
        else:
            raise DataError(
                "wanted densities alone or clouds alone, got both",
                hint="make clouds of the densities (`density.cloud`)",
            )
        if not made.info.converged:
            raise missed(made.info, self.tol, what="a residual").reached(made)
        return made  # type: ignore[return-value]

    def _weighted(self, measures: Sequence[M]) -> list[tuple[float, M]]:
        """The measures with their weights, of sum 1."""
        if not measures:
            raise DataError("a barycentre needs at least one measure, got none", hint="look at what the stream holds")
        weights = self.weights or (1.0,) * len(measures)
        if len(weights) != len(measures):
            raise DataError(
                f"wanted as many weights as measures, got {len(weights)} weights and {len(measures)} measures",
                hint="leave `weights` out for equal ones",
            )
        total = math.fsum(weights)
        return [(weight / total, measure) for weight, measure in zip(weights, measures, strict=True)]

    def _of_densities(self, densities: list[tuple[float, Density]], ctx: Context) -> GridBarycenter:
        first = densities[0][1]
        length = {"side": first.side, "cell": max(first.spacing), "length": 1.0}[self.unit]
        blur = self.blur * length
        return grid_barycenter(densities, blur, self.cost, self.debiased, self.tol, self.iterations, ctx.progress)

    def _of_clouds(self, clouds: list[tuple[float, PointCloud]], ctx: Context) -> CloudBarycenter:
        if self.unit == "cell":
            raise DataError("clouds have no cells", hint="give `blur` in the unit `side` or `length`")
        if self.cost != "squared":
            raise DataError("barycentres of clouds are those of the squared cost", hint="leave `cost` out")
        return cloud_barycenter(
            clouds, self.blur, self.unit == "side", self.debiased, self.count, self.tol, self.iterations, ctx
        )
