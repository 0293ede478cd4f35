"""`Coarse`: clouds of the same mass with fewer points, the means of the cells of a k-d tree."""

from __future__ import annotations

import torch

from otframe_sinkhorn.clouds.cells import borders, kd_order, numbered

__all__ = ["Coarse"]

_WITHIN = 0.5
"""Points of a cell may lie this part of the blur from their mean, as a root of the mean square over the mass."""


class Coarse:
    """Coarser clouds, for batches.

    Parameters
    ----------
    points : torch.Tensor
        Shape `(B, n, d)`, float64.
    mass : torch.Tensor
        Shape `(B, n)`, float64.
    """

    def __init__(self, points: torch.Tensor, mass: torch.Tensor) -> None:
        self.points, self.mass = points, mass
        self.depth = max(0, points.shape[1].bit_length() - 2)
        orders = torch.stack([kd_order(cloud, self.depth) for cloud in points])
        self._points = points.gather(1, orders[..., None].expand_as(points))
        self._mass = mass.gather(1, orders)

    def seen(self, blur: float, least: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Points and mass of the coarsest cloud of at least so many points that a blur cannot tell from this one."""
        return self.cloud(self.depth_of(blur, least))

    def depth_of(self, blur: float, least: int) -> int:
        """The depth of its cells; beyond `depth` where that is this cloud itself."""
        for depth in range(max(0, (least - 1).bit_length()), self.depth + 1):
            if self._at(depth)[2] <= _WITHIN * blur:
                return depth
        return self.depth + 1

    def cloud(self, depth: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Points and mass of the cells of a depth."""
        return (self.points, self.mass) if depth > self.depth else self._at(depth)[:2]

    def _at(self, depth: int) -> tuple[torch.Tensor, torch.Tensor, float]:
        """Means and mass of the cells of a depth, and how far points lie from them, at most over the batch."""
        cell = numbered(borders(self.mass.shape[1], depth), self.mass.device)
        mass = _summed(self._mass, cell, 1 << depth)
        # a cell of no mass lies at its plain mean
        held = (mass > 0)[:, cell]
        plain = 1 / torch.bincount(cell).double()[cell]
        share = torch.where(held, self._mass / torch.where(held, mass[:, cell], 1.0), plain)
        means = _summed(share[..., None] * self._points, cell, 1 << depth)
        squares = (self._mass * (self._points - means[:, cell]).square().sum(2)).sum(1)
        total = self._mass.sum(1).clamp(min=torch.finfo(torch.float64).tiny)
        return means, mass, float((squares / total).amax().sqrt())


def _summed(values: torch.Tensor, cell: torch.Tensor, count: int) -> torch.Tensor:
    made = values.new_zeros(values.shape[0], count, *values.shape[2:])
    return made.index_add_(1, cell, values)
