"""`sinkhorn.divergence`: the debiased entropic loss between densities or clouds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple, TypeVar

import torch
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Context, Transform
from otframe.values import Density, PointCloud, Scalar, SolveInfo
from otframe_sinkhorn.clouds.loss import Given, compare_points, point_loss, posed_points
from otframe_sinkhorn.clouds.pose import checked, side_of
from otframe_sinkhorn.clouds.problem import HELD, PointProblem
from otframe_sinkhorn.grid import grid_problem
from otframe_sinkhorn.grids.loss import compare_grids, grid_loss, grid_losses, posed_grids
from otframe_sinkhorn.grids.solve import Problem
from otframe_sinkhorn.stop import Stop, told

__all__ = ["Found", "SinkhornDivergence"]

M = TypeVar("M", Density, PointCloud)


class Found(NamedTuple):
    """What `sinkhorn.divergence` gives: on wires, `node.divergence` and `node.info`."""

    divergence: Scalar
    """0 or more, in units of the cost: of squared lengths for the squared cost."""
    info: SolveInfo
    """The iterations of all three problems, and the largest of their marginal errors."""


class SinkhornDivergence(Transform):
    r"""The Sinkhorn divergence of two densities on one grid, or of two clouds [feydy2019interpolating]_:

    .. math:: S(a, b) = OT_\varepsilon(a, b) - \tfrac12 OT_\varepsilon(a, a) - \tfrac12 OT_\varepsilon(b, b)

    the entropic cost without the bias that blurs it: never negative, zero between equal measures alone, and for small
    blurs the transport cost. With a `reach`, masses count, and half of eps times the square of their difference is
    added [sejourne2019sinkhorn]_. In Python, `loss` gives it as a tensor that torch differentiates by the envelope
    theorem: exactly, at little more than the price of the value.
    """

    references: ClassVar[tuple[str, ...]] = (
        "feydy2019interpolating",
        "sejourne2019sinkhorn",
        "genevay2018learning",
        "peyre2019computational",
    )

    blur: float = Parameter(default=0.05, gt=0.0)
    """Below this length nothing is told apart; in the unit that `unit` says."""

    unit: Literal["side", "cell", "length"] = "side"
    """What lengths are measured in: the longest side of the grid, or of the box around both clouds; the distance of
    neighbours on a grid; or the grid's spacing and the units of the points."""

    cost: Literal["squared", "absolute", "distance"] = "squared"
    """`squared`: `|x - y|^2`; `absolute`: the sum of `|x_k - y_k|`; `distance`: `|x - y|`, between clouds alone."""

    reach: float | None = Parameter(default=None, gt=0.0)
    """Beyond this length mass is rather made and destroyed than moved; nothing is where it is not given."""

    tol: float = Parameter(default=1e-6, gt=0.0, lt=1.0)
    """The error of the marginals, in L1 and relative, at which to stop. The error of the derivatives is of its order,
    that of the value of its square's."""

    iterations: int = Parameter(default=10_000, ge=1)
    """The most iterations on the finest grid, or with all points."""

    held: int = Parameter(default=HELD, ge=0)
    """Up to so many pairs of points, n m, matrices of all pairs are held; above, none is."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Balanced, and with a price on mass."""
        return [cls(blur=0.1), cls(blur=0.2, cost="absolute", reach=0.5)]

    def __call__(self, source: M, target: M, *, ctx: Context) -> Found:
        """Measure the divergence.

        Parameters
        ----------
        source, target : Density or PointCloud
            Two densities on one grid, or two clouds in one dimension. Without a reach, both are brought to sum 1.

        Returns
        -------
        Found
            `divergence` and `info`.

        Raises
        ------
        DataError
            They do not fit, or are not finite.
        ConvergenceError
            The iterations were used up; its `state` holds what was reached.
        """
        stop = Stop(self.tol, self.iterations)
        with torch.no_grad():
            if isinstance(source, Density):
                _, problem = self._grids(source, self._density(target))
                found, unit = compare_grids(problem, stop, ctx.progress), 1.0
            else:
                _, points, unit = self._clouds(source, self._cloud(target))
                found, *_ = compare_points(points, stop, ctx.progress)
        told(found, stop)
        info = SolveInfo(found.iterations[0], True, found.residuals[0])
        return Found(Scalar(float(found.values[0]) * unit, "Sinkhorn divergence"), info)

    def loss(self, source: M, target: M) -> torch.Tensor:
        """The divergence as a tensor without axes, differentiable in the masses, points and weights that require it.

        Ports, errors and units are those of the call. It is of the type of the source's masses or points.
        """
        stop = Stop(self.tol, self.iterations)
        if isinstance(source, Density):
            masses, problem = self._grids(source, self._density(target))
            return grid_loss(masses, problem, stop)[0].to(source.mass.dtype)
        given, points, unit = self._clouds(source, self._cloud(target))
        return (point_loss(given, points, stop)[0] * unit).to(source.points.dtype)

    def losses(
        self, sources: torch.Tensor, targets: torch.Tensor, spacing: Sequence[float] | None = None
    ) -> torch.Tensor:
        """The divergences of a batch of densities at once: as `loss`, and faster the smaller the grids.

        They have one relaxation and one end, so that all are solved to `tol` or better, and each differs from `loss` by
        the order of its square.

        Parameters
        ----------
        sources, targets : torch.Tensor
            Masses `(B, *shape)` on a grid of one to three axes, not negative, somewhere positive.
        spacing : sequence of float, optional
            Distance of neighbours along each axis; where absent, the longest side has length 1.

        Returns
        -------
        torch.Tensor
            `(B,)`, of the type of the sources, differentiable in both masses.

        Raises
        ------
        DataError
            The masses do not fit, or are not masses.
        ConvergenceError
            The iterations were used up by one of them.
        """
        if self.cost == "distance":
            raise DataError("on a grid the cost is 'squared' or 'absolute'", hint="use the densities' clouds")
        shape = tuple(sources.shape[1:])
        steps = tuple(spacing) if spacing is not None else (1 / max((*shape, 1)),) * len(shape)
        length = 1.0
        if steps and len(steps) == len(shape):  # else what follows says what is wrong
            side = max(n * step for n, step in zip(shape, steps, strict=True))
            length = {"side": side, "cell": max(steps), "length": 1.0}[self.unit]
        reach = None if self.reach is None else self.reach * length
        masses, problem = posed_grids(sources, targets.to(sources.device), self.blur * length, steps, self.cost, reach)
        return grid_losses(masses, problem, Stop(self.tol, self.iterations)).to(sources.dtype)

    def _grids(self, source: Density, target: Density) -> tuple[tuple[torch.Tensor, torch.Tensor], Problem]:
        if self.cost == "distance":
            raise DataError("on a grid the cost is 'squared' or 'absolute'", hint="use the densities' clouds")
        problem = grid_problem(source, target, self.blur, self.unit, self.cost, self.reach)
        masses = source.mass[None], target.mass.to(source.mass.device)[None]
        return posed_grids(*masses, problem.blur, source.spacing, self.cost, problem.reach)

    def _clouds(self, source: PointCloud, target: PointCloud) -> tuple[Given, PointProblem, float]:
        if self.unit == "cell":
            raise DataError("clouds have no cells", hint="give lengths in the unit `side` or `length`")
        if source.dim != target.dim:
            raise DataError(
                f"the source has dimension {source.dim}, the target {target.dim}",
                hint="a divergence is between points of one space",
            )
        points = [cloud.points.to(source.points.device)[None] for cloud in (source, target)]
        weights = [None if w is None else w.to(source.points.device)[None] for w in (source.weights, target.weights)]
        unit = side_of(*checked(source, target, self.reach is None)) if self.unit == "side" else 1.0
        reach = None if self.reach is None else self.reach * unit
        return posed_points(points[0], points[1], weights[0], weights[1], self.blur * unit, self.cost, reach, self.held)

    @staticmethod
    def _density(target: Density | PointCloud) -> Density:
        if not isinstance(target, Density):
            raise DataError("the source is a density, the target a cloud", hint="`density.cloud` makes clouds of both")
        return target

    @staticmethod
    def _cloud(target: Density | PointCloud) -> PointCloud:
        if not isinstance(target, PointCloud):
            raise DataError("the source is a cloud, the target a density", hint="`density.cloud` makes clouds of both")
        return target
