"""Transports: what a solver gives. Each carries its cost and how the solver ended."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from otframe.errors import DataError
from otframe.numerics.psd import sqrt
from otframe.values.base import Value

__all__ = ["AffineMap", "SolveInfo", "Transport"]


@dataclass(frozen=True)
class SolveInfo(Value):
    """How a solver ended: its iterations, whether it converged, and the residual it reached (0 for closed forms)."""

    iterations: int = 0
    converged: bool = True
    residual: float = 0.0


@dataclass(frozen=True, eq=False)
class Transport(Value):
    """Base of all transports.

    Parameters
    ----------
    cost : float
        The transport cost: squared Wasserstein-2 distance for quadratic costs.
    info : SolveInfo
        How the solver ended.
    """

    cost: float
    info: SolveInfo


@dataclass(frozen=True, eq=False)
class AffineMap(Transport):
    """The map `x -> A x + b`, with Gaussian noise of covariance `noise_cov` added where it is stochastic.

    Parameters
    ----------
    A : torch.Tensor
        Shape `(d, d)`, float64.
    b : torch.Tensor
        Shape `(d,)`, float64.
    noise_cov : torch.Tensor, optional
        Shape `(d, d)`, float64; None for a deterministic map.
    """

    A: torch.Tensor
    b: torch.Tensor
    noise_cov: torch.Tensor | None = None

    def __post_init__(self) -> None:
        d = self.b.shape[0] if self.b.ndim == 1 else 0
        shapes = [self.A.shape] + ([] if self.noise_cov is None else [self.noise_cov.shape])
        if d == 0 or any(shape != (d, d) for shape in shapes):
            raise DataError(
                "an affine map in d dimensions has A (d, d), b (d,) and noise_cov (d, d), got "
                + ", ".join(str(tuple(shape)) for shape in (self.A.shape, self.b.shape, *shapes[1:]))
            )

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return self.b.shape[0]

    def __call__(self, points: torch.Tensor) -> torch.Tensor:
        """Mean image of points `(n, d)`: without the noise."""
        if points.ndim != 2 or points.shape[1] != self.dim:
            raise DataError(
                f"the map takes points (n, {self.dim}), got {tuple(points.shape)}",
                hint="fit the map on the same kind of samples",
            )
        return torch.addmm(self.b.to(points), points, self.A.to(points).T)

    def sample(self, points: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Image of points `(n, d)` with independent noise for each; drawn on the CPU."""
        moved = self(points)
        if self.noise_cov is None:
            return moved
        white = torch.randn(moved.shape, generator=generator, dtype=torch.float64)
        return moved + (white @ sqrt(self.noise_cov).to(white)).to(moved)

    def displace(self, points: torch.Tensor, t: float) -> torch.Tensor:
        """Points `(n, d)` moved along the transport geodesic: `(1 - t) x + t T(x)`, t = 0 is the start."""
        return torch.lerp(points, self(points), t)

    def at(self, t: float) -> AffineMap:
        """The map to time t of the geodesic, `(1 - t) I + t A` and noise of covariance `t^2 N`; t = 1 is this map.

        It moves the source law to the displacement interpolation of [mccann1997convexity]_, at cost `t^2` of the whole.
        """
        if t == 1:
            return self
        eye = torch.eye(self.dim, dtype=self.A.dtype, device=self.A.device)
        noise = None if self.noise_cov is None or t == 0 else self.noise_cov * t**2
        return AffineMap(self.cost * t**2, self.info, torch.lerp(eye, self.A, t), self.b * t, noise)

    def after(self, first: AffineMap) -> AffineMap:
        """This map after another: `A2 (A1 x + b1) + b2`, noise of covariance `A2 N1 A2' + N2`.

        Its cost is given as the bound `(sqrt(c1) + sqrt(c2))^2` of the triangle inequality.
        """
        if first.dim != self.dim:
            raise DataError(f"maps in {first.dim} and {self.dim} dimensions cannot be composed")
        A1, b1 = first.A.to(self.A), first.b.to(self.A)
        noise = self.noise_cov
        if first.noise_cov is not None:
            carried = self.A @ first.noise_cov.to(self.A) @ self.A.T
            carried = (carried + carried.T) * 0.5
            noise = carried if noise is None else noise + carried
        cost = (max(first.cost, 0.0) ** 0.5 + max(self.cost, 0.0) ** 0.5) ** 2
        return AffineMap(cost, self.info, self.A @ A1, self.A @ b1 + self.b, noise)
