"""`ColorSketch`: colours of any number of images in bounded memory, as a sample or as a histogram."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from otframe.errors import DataError
from otframe.values import Value

__all__ = ["ColorSketch", "counted", "drawn", "merged"]

_SIDE = 1 << 20
"""Cells to either side of zero that a code has room for on each axis."""


@dataclass(frozen=True, eq=False)
class ColorSketch(Value):
    """The state of `color.cloud`.

    Parameters
    ----------
    points : torch.Tensor
        Shape `(n, 3)`, float32: drawn colours, or the mean colour of each cell that is not empty.
    masses : torch.Tensor
        Shape `(n,)`, float64: the weight of each drawn pixel, or of each cell.
    order : torch.Tensor
        Shape `(n,)`, rising: the priorities of drawn pixels, float64; the codes of cells, int64.
    threshold : float
        The least priority that was left out; infinite where nothing was, and for histograms.
    """

    points: torch.Tensor
    masses: torch.Tensor
    order: torch.Tensor
    threshold: float = float("inf")

    def scaled(self, factor: float) -> ColorSketch:
        """The sketch of as many pixels that weigh so many times as much."""
        order = self.order / factor if self.order.is_floating_point() else self.order
        return replace(self, masses=self.masses * factor, order=order, threshold=self.threshold / factor)

    def weights(self) -> torch.Tensor:
        """What each point stands for: the estimates of priority sampling [duffield2007priority]_, or the masses."""
        return self.masses if self.threshold == float("inf") else self.masses.clamp(min=1 / self.threshold)


def drawn(weights: torch.Tensor | None, pixels: int, count: int, rng: torch.Generator) -> tuple[torch.Tensor, ...]:
    """Which pixels to take: their numbers, weights, priorities, and the least priority left out.

    A pixel's priority is uniform in [0, 1] over its weight, and the lowest count: so samples of several images can be
    joined and thinned again. Of images with far more pixels the lowest priorities are drawn as arrivals of a
    Poisson process, and their pixels one from each stretch of equal weight.

    Parameters
    ----------
    weights : torch.Tensor, optional
        Shape `(pixels,)`, float64, not negative; all 1 where absent.
    pixels : int
        Number of pixels.
    count : int
        How many to take at most.
    rng : torch.Generator
        Of the CPU.
    """
    # a pixel that is heavy beside the stretches would be drawn several times
    heavy = weights is not None and 2 * count * float(weights.max()) > float(weights.sum())
    if pixels <= 4 * count or heavy:
        masses = torch.ones(pixels, dtype=torch.float64) if weights is None else weights.cpu()
        index = (masses > 0).nonzero()[:, 0]
        keys, order = (torch.rand(len(index), generator=rng, dtype=torch.float64) / masses[index]).sort()
        kept = order[:count]
        least = float(keys[count]) if len(keys) > count else float("inf")
        return index[kept], masses[index][kept], keys[:count], torch.as_tensor(least, dtype=torch.float64)
    steps = torch.arange(count, dtype=torch.float64) + torch.rand(count, generator=rng, dtype=torch.float64)
    total = float(pixels)
    if weights is None:
        index = (steps * (pixels / count)).long().clamp_(max=pixels - 1)
        masses = torch.ones(count, dtype=torch.float64)
    else:
        along = weights.cumsum(0)
        total = float(along[-1])
        index = torch.searchsorted(along, (steps * (total / count)).to(along), right=True).clamp_(max=pixels - 1).cpu()
        masses = weights.cpu()[index]
    shuffled = torch.randperm(count, generator=rng)
    arrivals = -torch.log1p(-torch.rand(count + 1, generator=rng, dtype=torch.float64))
    keys = arrivals.cumsum(0) / total
    return index[shuffled], masses[shuffled], keys[:count], keys[count]


def counted(points: torch.Tensor, weights: torch.Tensor | None, bits: int) -> ColorSketch:
    """The histogram of colours `(n, 3)` over cells of side `2^-bits`, each with its mean colour."""
    weights = None if weights is None else weights.to(points.device)
    sides = (points.double() * 2**bits).floor().long()
    if bool((sides.abs() >= _SIDE).any()):
        raise DataError(
            f"a histogram of {bits} bits reaches to {_SIDE >> bits} in either direction, colours lie beyond"
        )
    codes = ((sides[:, 0] + _SIDE) * (2 * _SIDE) + sides[:, 1] + _SIDE) * (2 * _SIDE) + sides[:, 2] + _SIDE
    if weights is not None:
        held = weights > 0
        codes, points, weights = codes[held], points[held], weights[held]
    return _gathered(codes, points, weights)


def _gathered(codes: torch.Tensor, points: torch.Tensor, weights: torch.Tensor | None) -> ColorSketch:
    cells, number = codes.unique(return_inverse=True)
    flat = torch.ones_like(codes, dtype=torch.float64) if weights is None else weights.double()
    masses = torch.bincount(number, flat, len(cells))
    sums = torch.stack([torch.bincount(number, flat * axis.double(), len(cells)) for axis in points.unbind(1)], 1)
    return ColorSketch((sums / masses[:, None]).float(), masses, cells)


def merged(a: ColorSketch, b: ColorSketch, count: int | None) -> ColorSketch:
    """Both sketches as one, of at most `count` points where it is a sample."""
    points, masses = torch.cat([a.points, b.points]), torch.cat([a.masses, b.masses])
    order = torch.cat([a.order, b.order])
    if not order.is_floating_point():
        return _gathered(order, points, masses)
    keys, index = order.sort(stable=True)
    least = min(a.threshold, b.threshold)
    held = keys < least
    if count is not None and int(held.sum()) > count:
        least = min(least, float(keys[count]))
        held = keys < least
    index = index[held]
    return replace(a, points=points[index], masses=masses[index], order=keys[held], threshold=least)
