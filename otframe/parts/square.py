"""`density.square`: a density on a square grid, so that any two are on one."""

from __future__ import annotations

import torch
from pydantic import Field as Parameter

from otframe.interfaces import Component, Transform
from otframe.values import Density

__all__ = ["Square"]


class Square(Transform):
    """A density scaled to a square grid, in proportion and in the middle: what pictures of any size are compared on.

    Each cell gets the mass of the area that it covers, so that all mass is kept. A shorter side gets cells without mass
    around it. In one dimension the line, and in three the cube, has `side` cells along each axis.
    """

    side: int = Parameter(default=32, ge=1, le=4096)
    """Cells along each axis."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Fewer cells than there are, and more."""
        return [cls(side=7), cls(side=40)]

    def __call__(self, density: Density) -> Density:
        """The density of shape `(side, ...)`, float64; each side has length 1."""
        mass = density.mass.double()
        lengths = [n * step for n, step in zip(density.shape, density.spacing, strict=True)]
        for axis, length in enumerate(lengths):
            count = mass.shape[axis]
            part = max(1, round(self.side * length / max(lengths)))
            before = (self.side - part) // 2
            weights = mass.new_zeros(self.side, count)
            weights[before : before + part] = _overlaps(count, part, mass)
            mass = torch.tensordot(weights, mass, ([1], [axis])).movedim(0, axis)
        return Density(mass.contiguous())


def _overlaps(count: int, parts: int, like: torch.Tensor) -> torch.Tensor:
    """How much of each of `count` equal cells of a line lies in each of its `parts` equal parts: `(parts, count)`."""
    cells = torch.arange(count + 1, dtype=like.dtype, device=like.device) * parts
    bins = torch.arange(parts + 1, dtype=like.dtype, device=like.device) * count
    low = torch.maximum(cells[None, :-1], bins[:-1, None])
    high = torch.minimum(cells[None, 1:], bins[1:, None])
    return (high - low).clamp(min=0) / parts
