"""`sliced.barycenter`: the sliced barycentre of clouds, polished by exact transports where a solver is given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field as Parameter
from pydantic import field_validator

from otframe.errors import DataError, SolveError
from otframe.interfaces import Component, Context, Solver
from otframe.values import PointCloud
from otframe_sliced.clouds import Cloud, Frame, distinct, prepared, thinned
from otframe_sliced.directions import orthonormal_basis
from otframe_sliced.line import argsorted, pulled

__all__ = ["SlicedBarycenter"]

_FURTHER = 1.3
"""All polishing steps but the last go so many times as far as the solver's maps take the points."""


class SlicedBarycenter(Solver):
    r"""The cloud of equal masses with the least weighted sum of squared sliced distances to the given clouds.

    Directions are drawn once, as orthonormal bases. Along each, the quantiles of the barycentre are the weighted means
    of the clouds' quantiles [bonneel2015sliced]_, and the points go to the mean over bases of where these put them,

    .. math:: X \leftarrow \frac{1}{B} \sum_b R_b^T \, t_b(R_b X), \qquad
              t = \sum_i \lambda_i F_i^{-1} \circ F_X

    which never raises the sum of distances along these directions. A barycentre that is not reached is an error, never
    a result. With a `solver`, such as `{use: exact.network}`, the points then make a few steps of the fixed-point
    iteration of the Wasserstein barycentre [cuturi2014fast]_, [alvarez2016fixed]_: each goes to the weighted mean of
    where the solver's maps take it. The sliced start is so near that two such steps do for many.
    """

    references: ClassVar[tuple[str, ...]] = ("bonneel2015sliced", "cuturi2014fast", "alvarez2016fixed")
    promises: ClassVar[tuple[str, ...]] = ("identity", "translation")

    weights: tuple[float, ...] | None = None
    """Weight of each cloud, in the order of the stream; scaled to sum 1. Equal where absent."""

    count: int | None = Parameter(default=None, ge=1)
    """Points of the barycentre, drawn from the cloud it starts at; where absent, as many as that cloud has."""

    bases: int = Parameter(default=16, ge=1, le=10_000)
    """Random orthonormal bases along which distances are looked at."""

    tolerance: float = Parameter(default=1e-3, gt=0.0, lt=1.0)
    """The sliced barycentre counts as reached where a step moves its points by this part of their spread."""

    max_iter: int = Parameter(default=500, ge=1)
    """Steps after which it counts as not reached."""

    solver: Solver | None = None
    """What gives the transports of the polishing, from `source` to `target`; absent, there is no polishing."""

    steps: int = Parameter(default=2, ge=1, le=1000)
    """Polishing steps, where there is a solver; fewer where one moves the points by less than the tolerance."""

    @field_validator("weights")
    @classmethod
    def _proper(cls, weights: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if weights is not None and (not weights or min(weights) < 0.0 or sum(weights) <= 0.0):
            raise ValueError("weights must be non-negative and not all zero")
        return weights

    @classmethod
    def examples(cls) -> list[Component]:
        """The sliced barycentre, one of few points, and a polished one."""
        from otframe_sliced.transport import SlicedTransport

        return [cls(), cls(count=15, weights=(1.0, 2.0, 0.0)), cls(solver=SlicedTransport(bases=4), steps=1)]

    def solve(self, clouds: Sequence[PointCloud], *, ctx: Context) -> PointCloud:
        """Find the barycentre.

        Parameters
        ----------
        clouds : sequence of PointCloud
            At least one, all in one dimension d, of any sizes, weighted or not. `DataError` where something is NaN or
            infinite, or a cloud has no mass.
        ctx : Context
            Directions and starting points are drawn from it; also told the progress.

        Returns
        -------
        PointCloud
            Points `(n, d)` of equal masses, in the precision and on the device of the first cloud. `SolveError` where
            it is not reached in `max_iter` steps.
        """
        lambdas = self._lambdas(len(clouds))
        given = prepared(clouds, ["clouds"] * len(clouds))
        frame = Frame.around(given)
        kept = [(w, frame.enter(cloud)) for w, cloud in zip(lambdas, given, strict=True) if w > 0.0]
        start = max(kept, key=lambda pair: pair[0])[1]
        x = _apart(_equal_masses(start, self.count or start.count, ctx.rng), ctx.rng)
        x = self._sliced(x, kept, ctx)
        if self.solver is not None:
            targets = [(w, PointCloud(cloud.points, cloud.weights)) for w, cloud in kept]
            x = self._polished(x, targets, self.solver, ctx)
        return PointCloud(frame.outside(x))

    def _lambdas(self, count: int) -> list[float]:
        if count == 0:
            raise DataError("a barycentre needs at least one cloud")
        if self.weights is None:
            return [1.0 / count] * count
        if len(self.weights) != count:
            raise DataError(f"there are {count} clouds and {len(self.weights)} weights")
        total = math.fsum(self.weights)
        return [weight / total for weight in self.weights]

    def _sliced(self, x: torch.Tensor, clouds: Sequence[tuple[float, Cloud]], ctx: Context) -> torch.Tensor:
        n, dim = x.shape
        directions = torch.cat([orthonormal_basis(dim, ctx.rng) for _ in range(self.bases)]).to(x)
        # the barycentre's quantiles along a direction do not depend on where its points are
        ranks = torch.arange(n, dtype=x.dtype, device=x.device).expand(len(directions), n)
        goal = torch.zeros(len(directions), n, dtype=x.dtype, device=x.device)
        for weight, cloud in clouds:
            goal += weight * pulled(ranks, None, directions @ cloud.points.T, cloud.weights)
        residual = 0.0
        for step in range(self.max_iter):
            line = directions @ x.T
            moved = torch.empty_like(line).scatter_(1, argsorted(line), goal)
            move = (directions.T @ (moved - line)).T / self.bases
            residual = _relative(move, goal)
            x = x + move
            if residual <= self.tolerance:
                return x
            ctx.progress(step / self.max_iter, f"residual {residual:.1e}")
        raise SolveError(
            f"the sliced barycentre was not reached in {self.max_iter} steps: the last moved the points by "
            f"{residual:.2e} of their spread, wanted {self.tolerance:.0e}",
            hint="raise max_iter or tolerance",
        )

    def _polished(
        self, x: torch.Tensor, clouds: Sequence[tuple[float, PointCloud]], solver: Solver, ctx: Context
    ) -> torch.Tensor:
        for step in range(1, self.steps + 1):
            moved = torch.zeros_like(x)
            for weight, cloud in clouds:
                transport = ctx.call(solver.solve, source=PointCloud(x), target=cloud)  # type: ignore[attr-defined]
                if not callable(transport):
                    raise SolveError(
                        f"the solver gives a {type(transport).__name__}, which moves no points",
                        hint="name a solver of point clouds that gives a plan or a map",
                    )
                moved += weight * transport(x).to(x)
            residual = _relative(moved - x, moved.T)
            ctx.progress(step / self.steps, f"polishing: moved by {residual:.1e}")
            if residual <= self.tolerance or step == self.steps:
                break
            # the next step would go on in much the same way
            x = torch.lerp(x, moved, _FURTHER)
        return moved


def _equal_masses(cloud: Cloud, count: int, rng: torch.Generator) -> torch.Tensor:
    """`count` points of equal masses: the cloud's own where they are, otherwise drawn by weight."""
    if cloud.weights is None and count == cloud.count:
        return cloud.points
    if count < cloud.count:
        return thinned(cloud, count, rng).points
    levels = (torch.arange(count, dtype=torch.float64) + torch.rand(count, generator=rng, dtype=torch.float64)) / count
    index = torch.searchsorted(cloud.mass.cumsum(0), levels.to(cloud.points.device)).clamp_(max=cloud.count - 1)
    return cloud.points[index]


def _apart(points: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """The points with those that coincide a little way apart: nothing else would ever part them."""
    _, number = distinct(Cloud(points, None, points.amin(0), points.amax(0)))
    if number is None:
        return points
    shared = number.bincount()[number] > 1
    noise = torch.randn(points.shape, generator=rng, dtype=torch.float64).to(points)
    return points + noise * shared[:, None] * torch.finfo(points.dtype).eps ** 0.5


def _relative(move: torch.Tensor, lines: torch.Tensor) -> float:
    """The length of a move `(n, d)` as a part of the spread of points seen on lines `(k, n)`; 0 where nothing moves."""
    length = float(move.double().square().sum(1).mean().sqrt())
    if length <= 4 * torch.finfo(move.dtype).eps:
        return 0.0
    spread = float(lines.double().var(1, correction=0).mean().sqrt()) * move.shape[1] ** 0.5
    return length / spread if spread > 0 else math.inf
