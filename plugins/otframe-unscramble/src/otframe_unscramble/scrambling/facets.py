"""Facets of glitter, and Gaussian spots on a grid of pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

__all__ = ["Facets", "spots"]

_LEAST = 0.01
"""A spot ends where a pixel gets less than this part of what its brightest gets."""

_SHARP = 1e-6
"""Standard deviation in pixels of a spot that is none: all of it on one pixel."""


@dataclass(frozen=True, eq=False)
class Facets:
    """Small mirrors.

    Parameters
    ----------
    places : torch.Tensor
        Shape `(f, 2)`, float64: row and column on the sensor, pixel centres at whole numbers.
    points : torch.Tensor
        Shape `(f, 2)`, float64: row and column of the scene that they look at; it may be outside.
    gains : torch.Tensor
        Shape `(f,)`, float64: how much of the light they reflect.
    """

    places: torch.Tensor
    points: torch.Tensor
    gains: torch.Tensor


def spots(centres: torch.Tensor, size: float, grid: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels of Gaussian spots and the mass on each.

    Parameters
    ----------
    centres : torch.Tensor
        Shape `(f, 2)`, float64, row and column.
    size : float
        Standard deviation in pixels; 0 puts all mass on one pixel.
    grid : (int, int)
        Height and width.

    Returns
    -------
    pixels, masses : torch.Tensor
        Shape `(f, k)`: pixel numbers, and the Gaussian's mass on these pixels, float64. A spot inside of the grid has
        mass 1; what is outside counts 0.
    """
    reach = math.ceil(3.5 * size + 0.5)
    offsets = torch.arange(-reach, reach + 1)
    cells = (centres + 0.5).floor().long()[:, :, None] + offsets  # (f, 2, n): pixels around the nearest one
    edges = (cells - centres[:, :, None]) / max(size, _SHARP)
    half = 0.5 / max(size, _SHARP)
    lines = torch.special.ndtr(edges + half) - torch.special.ndtr(edges - half)
    masses = (lines[:, 0, :, None] * lines[:, 1, None, :]).flatten(1)
    masses = masses * (masses >= _LEAST * masses.amax(1, keepdim=True))
    masses = masses / masses.sum(1, keepdim=True)
    limits = torch.tensor(grid)[:, None]
    inside = ((cells >= 0) & (cells < limits)).double()
    held = masses * (inside[:, 0, :, None] * inside[:, 1, None, :]).flatten(1)
    cells = torch.minimum(cells.clamp(min=0), limits - 1)
    numbers = (cells[:, 0, :, None] * grid[1] + cells[:, 1, None, :]).flatten(1)
    some = (held > 0).any(0)
    return numbers[:, some], held[:, some]
