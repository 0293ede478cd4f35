"""From coarse to fine: large blurs on coarse grids first, so that the potentials start near where they end.

Halving the blur step by step is the usual eps-scaling; what a blur cannot see need not be on its grid either.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch.nn import functional

__all__ = ["coarser", "finer", "levels"]

_CELLS = 2.0
"""Cells that a blur must span on the grid that it is used on."""


def levels(shape: Sequence[int], spacing: Sequence[float], blur: float) -> list[tuple[float, int]]:
    """The blurs, from the side of the grid to the one that is wanted, each with how often its grid is halved."""
    side = max(n * step for n, step in zip(shape, spacing, strict=True))
    found = [(blur, 0)]
    for wide in itertools.takewhile(lambda b: b < side, (blur * 2**k for k in itertools.count(1))):
        halved = 0
        while wide >= _CELLS * max(spacing) * 2 ** (halved + 1) and max(shape) > 8 * 2**halved:
            halved += 1
        found.append((wide, halved))
    return found[::-1]


def coarser(mass: torch.Tensor, times: int) -> torch.Tensor:
    """Masses `(B, *shape)` on a grid whose cells are two of the old along each axis, that many times over."""
    for _ in range(times):
        for axis in range(1, mass.ndim):
            n = mass.shape[axis]
            if n % 2:
                pad = torch.zeros_like(mass.narrow(axis, 0, 1))
                mass = torch.cat([mass, pad], axis)
            pairs = (*mass.shape[:axis], mass.shape[axis] // 2, 2, *mass.shape[axis + 1 :])
            mass = mass.reshape(pairs).sum(axis + 1)
    return mass


def finer(potential: torch.Tensor, shape: Sequence[int], times: int) -> torch.Tensor:
    """A potential of the coarse grid at the cells of the grid `shape` that it came from, linear in between."""
    sizes = [tuple(shape)]
    for _ in range(times):
        sizes.append(tuple(-(-n // 2) for n in sizes[-1]))
    modes = {1: "linear", 2: "bilinear", 3: "trilinear"}
    for size in sizes[-2::-1]:
        doubled = [2 * n for n in potential.shape[1:]]
        potential = functional.interpolate(
            potential[:, None], size=doubled, mode=modes[len(size)], align_corners=False
        )[:, 0]
        potential = potential[(slice(None), *(slice(0, n) for n in size))]
    return potential
