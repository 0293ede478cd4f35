"""Measures: weighted points and Gaussian laws."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from otframe.errors import DataError
from otframe.numerics.moments import Moments, moments_of_points
from otframe.values.base import Value
from otframe.values.transports import AffineMap, Transport

__all__ = ["GaussianLaw", "PointCloud"]


@dataclass(frozen=True, eq=False)
class PointCloud(Value):
    """Weighted points.

    Parameters
    ----------
    points : torch.Tensor
        Shape `(n, d)`.
    weights : torch.Tensor, optional
        Shape `(n,)`, non-negative, sum 1; uniform where None.
    """

    points: torch.Tensor
    weights: torch.Tensor | None = None

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or min(self.points.shape) == 0:
            raise DataError(f"points have shape (n, d) with n, d > 0, got {tuple(self.points.shape)}")
        if self.weights is not None and self.weights.shape != self.points.shape[:1]:
            raise DataError(f"{len(self.points)} points need as many weights, got {tuple(self.weights.shape)}")

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return self.points.shape[1]

    @property
    def count(self) -> int:
        """Number n of points."""
        return self.points.shape[0]

    def transported(self, map: Transport, seed: int = 0, *, t: float = 1.0) -> PointCloud:
        """The points moved by a map to time t of the geodesic, weights kept.

        Noise of a stochastic map is independent for each point.
        """
        if isinstance(map, AffineMap):
            return replace(self, points=map.at(t).sample(self.points, torch.Generator().manual_seed(seed)))
        if not callable(map):
            raise DataError(
                f"a {type(map).__name__} cannot move points: it is not a map",
                hint="use a solver that gives a map, or take the plan's barycentric map",
            )
        moved = map(self.points)
        return replace(self, points=moved if t == 1 else torch.lerp(self.points, moved, t))

    def moments(self) -> Moments:
        """Count, mean and scatter of the points, float64; NaN or infinity raise `DataError`."""
        return moments_of_points(self.points, self.weights)


@dataclass(frozen=True, eq=False)
class GaussianLaw(Value):
    """A Gaussian law, or the first two moments of any law.

    Parameters
    ----------
    mean : torch.Tensor
        Shape `(d,)`, float64.
    cov : torch.Tensor
        Shape `(d, d)`, float64, symmetric; unbiased (divided by `count - 1`) where estimated.
    count : int
        Samples it was estimated from; 0 where it is known exactly.
    """

    mean: torch.Tensor
    cov: torch.Tensor
    count: int = 0

    def __post_init__(self) -> None:
        d = self.mean.shape[0] if self.mean.ndim == 1 else 0
        if d == 0 or self.cov.shape != (d, d):
            raise DataError(
                "a law in d dimensions has mean (d,) and cov (d, d), "
                f"got {tuple(self.mean.shape)} and {tuple(self.cov.shape)}"
            )
        if not (torch.isfinite(self.mean).all() and torch.isfinite(self.cov).all()):
            raise DataError("a law's mean and covariance must be finite, got NaN or infinity")

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return self.mean.shape[0]
