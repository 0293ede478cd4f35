"""`Density`: mass on a regular grid."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import torch

from otframe.errors import DataError
from otframe.values.base import Value
from otframe.values.measures import PointCloud

__all__ = ["Density"]


@dataclass(frozen=True, eq=False, repr=False)
class Density(Value):
    """Mass on a regular grid of one, two or three dimensions.

    The cell with index `(i, j)` lies at `(i spacing[0], j spacing[1])`.

    Parameters
    ----------
    mass : torch.Tensor
        Shape `(n,)`, `(H, W)` or `(D, H, W)`, floating point, finite, non-negative, somewhere positive.
    spacing : tuple of float, optional
        Distance between neighbours along each axis; where absent, the longest side has length 1.
    """

    mass: torch.Tensor
    spacing: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        mass = self.mass
        if not 1 <= mass.ndim <= 3 or not mass.is_floating_point() or mass.numel() == 0:
            raise DataError(
                f"a density is floating point (n,), (H, W) or (D, H, W), got {mass.dtype} {tuple(mass.shape)}",
                hint="`density.luminance` makes one of an image",
            )
        low, total = float(mass.min()), float(mass.sum(dtype=torch.float64))
        if not (low >= 0 and math.isfinite(total)):
            raise DataError(f"a density is finite and not negative, got a smallest mass of {low:g}, a sum of {total:g}")
        if total <= 0:
            raise DataError("a density has mass somewhere, got none")
        steps = tuple(float(step) for step in self.spacing) or (1.0 / max(mass.shape),) * mass.ndim
        object.__setattr__(self, "spacing", steps)
        if len(self.spacing) != mass.ndim or not all(0 < step < math.inf for step in self.spacing):
            raise DataError(f"a grid of {mass.ndim} axes has as many positive spacings, got {self.spacing}")

    def __repr__(self) -> str:
        return f"Density({' x '.join(map(str, self.shape))}, total {self.total:.6g})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Cells along each axis."""
        return tuple(self.mass.shape)

    @property
    def dim(self) -> int:
        """Number of axes."""
        return self.mass.ndim

    @property
    def total(self) -> float:
        """All mass."""
        return float(self.mass.sum(dtype=torch.float64))

    @property
    def side(self) -> float:
        """Length of the longest side."""
        return max(n * step for n, step in zip(self.shape, self.spacing, strict=True))

    def axis(self, number: int) -> torch.Tensor:
        """Positions of the cells along an axis, float64."""
        steps = torch.arange(self.shape[number], dtype=torch.float64, device=self.mass.device)
        return steps * self.spacing[number]

    def positions(self) -> torch.Tensor:
        """Positions of all cells, shape `(*shape, dim)`, float64."""
        return torch.stack(torch.meshgrid(*(self.axis(k) for k in range(self.dim)), indexing="ij"), -1)

    def with_mass(self, mass: torch.Tensor) -> Self:
        """Another mass on the same grid."""
        return replace(self, mass=mass)

    def cloud(self) -> PointCloud:
        """The cells that have mass, as points with weights of sum 1, float64."""
        held = self.mass > 0
        weights = self.mass[held].double()
        return PointCloud(self.positions()[held], weights / weights.sum())
