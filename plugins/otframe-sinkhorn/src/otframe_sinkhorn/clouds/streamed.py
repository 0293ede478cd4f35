"""`StreamedKernel`: soft minima between many points, block by block; no matrix of all pairs is ever held."""

from __future__ import annotations

import torch

from otframe_sinkhorn.clouds.cells import Cells, kd_order
from otframe_sinkhorn.clouds.costs import PointCost
from otframe_sinkhorn.clouds.way import Way

__all__ = ["StreamedKernel"]

_BLOCK, _CELL = 128, 32
"""Points of a block of rows, and of a cell that is looked at or left out as a whole, at most."""


class StreamedKernel:
    """`log sum_y exp(v(y) - c(x, y) / eps)` and its transpose.

    Parameters
    ----------
    x, y : torch.Tensor
        Shapes `(n, d)` and `(m, d)`, float64.
    eps : float
        Regularisation, in units of the cost.
    cost : str
        `squared`, `absolute` or `distance`.
    keep : int
        Where so few pairs matter, their exponentials are kept, of either way.
    """

    def __init__(self, x: torch.Tensor, y: torch.Tensor, eps: float, cost: PointCost, keep: int) -> None:
        depths = [(_depth(len(points), _BLOCK), _depth(len(points), _CELL)) for points in (x, y)]
        self.orders = [kd_order(points, fine) for points, (_, fine) in zip((x, y), depths, strict=True)]
        sorted_ = [points[order] for points, order in zip((x, y), self.orders, strict=True)]
        blocks = [Cells(points, depth) for points, (depth, _) in zip(sorted_, depths, strict=True)]
        cells = [Cells(points, depth) for points, (_, depth) in zip(sorted_, depths, strict=True)]
        self.ways = [Way(blocks[0], cells[1], eps, cost, keep), Way(blocks[1], cells[0], eps, cost, keep)]

    def to_source(self, v: torch.Tensor) -> torch.Tensor:
        """The soft minimum over y, `(m,)` to `(n,)`."""
        return self._back(self.ways[0].soft(v[self.orders[1]]), across=False)

    def to_target(self, v: torch.Tensor) -> torch.Tensor:
        """The soft minimum over x, `(n,)` to `(m,)`."""
        return self._back(self.ways[1].soft(v[self.orders[0]]), across=True)

    def means(self, v: torch.Tensor, values: torch.Tensor, across: bool) -> torch.Tensor:
        """Means of `values` `(m, k)` over y with weights `exp(v(y) - c(x, y) / eps)`, shape `(n, k)`; x and y change
        places where it goes `across`."""
        far = self.orders[0 if across else 1]
        return self._back(self.ways[across].means(v[far], values[far]), across)

    def mean_costs(self, v: torch.Tensor, across: bool) -> torch.Tensor:
        """Means of the cost in units of eps over y with weights `exp(v(y) - c(x, y) / eps)`, shape `(n,)`."""
        return self._back(self.ways[across].mean_costs(v[self.orders[0 if across else 1]]), across)

    def _back(self, values: torch.Tensor, across: bool) -> torch.Tensor:
        """Values in the order of the cells in that of the points."""
        made = torch.empty_like(values)
        made[self.orders[1 if across else 0]] = values
        return made


def _depth(count: int, size: int) -> int:
    """The least depth whose cells have no more than so many points."""
    return max(0, (-(-count // size) - 1).bit_length())
