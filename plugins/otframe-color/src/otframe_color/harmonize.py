"""`color.harmonize`: the palette in the middle of several, which `color.transfer` then brings each of them to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from pydantic import Field as Parameter
from pydantic import field_validator

from otframe.errors import DataError
from otframe.interfaces import Component, Context, Solver, Transform
from otframe.parts.solving import mean_between
from otframe.values import GaussianLaw, PointCloud
from otframe_color.cloud_value import ColorCloud

__all__ = ["Harmonize"]


class Harmonize(Transform):
    """The barycentre of the palettes of several images: the one that is nearest to all of them.

    With `color.transfer` each image is projected onto it [rabin2011barycenter]_. A weight of 1 for one image and 0 for
    the others makes it the reference.
    """

    references: ClassVar[tuple[str, ...]] = ("rabin2011barycenter", "bonneel2015sliced")

    solver: Solver
    """What finds the barycentre: `{use: sliced.barycenter}`, `gaussian.barycenter`, ..."""

    weights: dict[str, float] | None = None
    """How much each image counts, by its key; 1 for those that are not named. Scaled to sum 1."""

    colors: int = Parameter(default=16_384, ge=2)
    """Points that stand for the barycentre where the solver gives a Gaussian law."""

    @field_validator("weights")
    @classmethod
    def _proper(cls, weights: dict[str, float] | None) -> dict[str, float] | None:
        if weights and any(not 0 <= weight < math.inf for weight in weights.values()):
            raise ValueError("weights must be finite and not negative")
        return weights

    @classmethod
    def examples(cls) -> list[Component]:
        """A solver that knows means alone."""
        from otframe_color.middle import Middle

        return [cls(solver=Middle())]

    def __call__(self, clouds: Mapping[str, ColorCloud], *, ctx: Context) -> ColorCloud:
        """The common palette.

        Parameters
        ----------
        clouds : mapping of str to ColorCloud
            The palettes by key, in one working space.
        ctx : Context
            Lent to the solver.
        """
        spaces = sorted({cloud.space for cloud in clouds.values()})
        if len(spaces) != 1:
            raise DataError(f"the palettes must be in one working space, got {', '.join(spaces) or 'none'}")
        solver, kept = self._weighted(clouds)
        mean = mean_between(solver, kept, ctx)
        if isinstance(mean, GaussianLaw):
            mean = _points_of(mean, self.colors)
        weights = None if mean.weights is None else mean.weights / mean.weights.sum()
        return ColorCloud(mean.points.to(kept[0].points), weights, spaces[0])

    def _weighted(self, clouds: Mapping[str, ColorCloud]) -> tuple[Solver, list[ColorCloud]]:
        """The solver with the weights of the images, and their palettes."""
        named = dict(self.weights or {})
        unknown = sorted(set(named) - set(clouds))
        if unknown:
            raise DataError(
                f"there is no image named {', '.join(unknown)}", hint=f"the images are {', '.join(sorted(clouds))}"
            )
        if not named:
            return self.solver, list(clouds.values())
        given = tuple(float(named.get(key, 1.0)) for key in clouds)
        if sum(given) <= 0:
            raise DataError("the weights of all images are zero")
        if "weights" not in type(self.solver).model_fields:
            raise DataError(
                f"a {type(self.solver).__name__} takes no weights", hint="use a solver that does, or leave them out"
            )
        return self.solver.model_copy(update={"weights": given}), list(clouds.values())


def _points_of(law: GaussianLaw, count: int) -> PointCloud:
    """Evenly spread points of a law's mean and covariance."""
    values, axes = torch.linalg.eigh(law.cov)
    uniform = torch.quasirandom.SobolEngine(law.dim).draw(count + 1, dtype=torch.float64)[1:]
    white = torch.special.ndtri(uniform.clamp(1e-9, 1 - 1e-9)).to(law.cov)
    white = (white - white.mean(0)) / white.std(0, correction=0)
    return PointCloud(law.mean + (white * values.clamp(min=0).sqrt()) @ axes.T)
