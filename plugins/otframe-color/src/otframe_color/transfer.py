"""`color.transfer`: the colour map from one palette to another, by any solver."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field as Parameter

from otframe.errors import DataError, ParameterError
from otframe.interfaces import Component, Context, Solver, Transform
from otframe.parts.solving import transport_between
from otframe.values import PointCloud
from otframe_color.cloud_value import ColorCloud
from otframe_color.maps import FittedMap
from otframe_color.smooth import smoothed
from otframe_color.spaces import lightness_first
from otframe_color.tabulate import tabulated

__all__ = ["Axes", "Transfer", "fitted"]

Axes = Literal["all", "chroma", "lightness"]


class Transfer(Transform):
    """The map that gives an image the colours of a reference, fitted once and applied anywhere.

    Any solver of point clouds or of Gaussian laws will do: `sliced.transport` is fast and comes nearest,
    `gaussian.transport` is the linear Monge-Kantorovich map [pitie2007linear]_, `color.reinhard` moves means and
    spreads [reinhard2001color]_, `sinkhorn.points` and the exact solvers want some thousand colours at most. What is
    known at points only is spread onto a table.
    """

    references: ClassVar[tuple[str, ...]] = ("pitie2007linear", "reinhard2001color", "peyre2019computational")

    solver: Solver
    """What finds the transport, such as `{use: sliced.transport}`."""

    strength: float = Parameter(default=1.0, ge=0.0, le=1.0)
    """How far colours go: 0 not at all, 1 all the way, along straight lines in the working space."""

    axes: Axes = "all"
    """What is moved: `all`, or in lab, oklab and ycbcr the `chroma` or the `lightness` alone."""

    table: int = Parameter(default=33, ge=0, le=129)
    """Nodes on each axis of the table that stands for maps which know their points only; 0 for none: each colour then
    moves as the solver's transport says."""

    smooth: float = Parameter(default=0.0, ge=0.0, le=1.0)
    """How far apart colours are that may move in different ways, in units of the working space: with .04 the noise that
    a sliced map brings falls from 2.5 to 1.6 times, and what is left of the distance rises from 2 % to 15 %, mean
    of six pairs both ways. Affine maps are smooth anyway."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Means and spreads; half of it."""
        from otframe_color.reinhard import Reinhard

        return [cls(solver=Reinhard()), cls(solver=Reinhard(), strength=0.5)]

    def __call__(self, source: ColorCloud, reference: ColorCloud, *, ctx: Context) -> FittedMap:
        """Fit the map.

        Parameters
        ----------
        source, reference : ColorCloud
            In one working space.
        ctx : Context
            Lent to the solver.
        """
        return fitted(
            self.solver,
            source,
            reference,
            ctx,
            strength=self.strength,
            axes=self.axes,
            table=self.table,
            smooth=self.smooth,
        )


def fitted(
    solver: Solver,
    source: ColorCloud,
    reference: ColorCloud,
    ctx: Context,
    *,
    strength: float = 1.0,
    axes: Axes = "all",
    table: int = 33,
    smooth: float = 0.0,
) -> FittedMap:
    """The map of `color.transfer`, from Python."""
    if source.space != reference.space:
        raise DataError(
            f"both palettes must be in one working space, got '{source.space}' and '{reference.space}'",
            hint="give both color.cloud nodes the same `space`",
        )
    if axes != "all" and not lightness_first(source.space):
        raise ParameterError(
            f"`axes: {axes}` needs a space that has lightness and chroma, the palettes are in '{source.space}'",
            hint="`space: oklab`, lab or ycbcr in color.cloud",
        )
    start, end = _along(source, axes), _along(reference, axes)
    transport = transport_between(solver, start, end, ctx)
    tabled = tabulated(transport, start.points, start.weights, table)
    return FittedMap(smoothed(tabled, smooth), source.space, strength)


def _along(cloud: ColorCloud, axes: Axes) -> PointCloud:
    if axes == "all":
        return cloud
    points = cloud.points[:, 1:] if axes == "chroma" else cloud.points[:, :1]
    return PointCloud(points.contiguous(), cloud.weights)
