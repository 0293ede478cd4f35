r"""Which pairs of cells matter to a soft minimum: bounds of `p(x) + v(y) - c(x, y) / eps` over pairs of cells.

The boxes alone would not do, since both potentials change by much within a cell where mass goes far. For the squared
distance the exponent is `2 x y / eps` and terms of x or of y alone; with r and q, the middles of a cell of x and of y,

.. math:: 2 x y = 2 (x - r) q + 2 r y + 2 (x - r)(y - q),

of which the first two are looked at exactly for each x and each y, and the last is bounded by the sides of the boxes.
For a distance the triangle inequality, `c(x, y) >= c(x, q) - c(q, y)`, takes their place.
"""

from __future__ import annotations

import torch

from otframe_sinkhorn.clouds.cells import Cells
from otframe_sinkhorn.clouds.costs import PointCost, costs

__all__ = ["upper_bounds"]

_PIECE = 1 << 20
"""Numbers that are looked at at once."""


def upper_bounds(
    rows: Cells, cols: Cells, p: torch.Tensor, v: torch.Tensor, eps: float, cost: PointCost
) -> torch.Tensor:
    """Bounds of `p(x) + v(y) - c(x, y) / eps` from above, shape `(cells of x, cells of y)`.

    Parameters
    ----------
    rows, cols : Cells
        The points x and y.
    p, v : torch.Tensor
        Shapes `(n,)` and `(m,)`, in the order of the cells.
    """
    if cost != "squared":
        apart = cols.points - cols.middles[cols.number]
        own = apart.abs().sum(1) if cost == "absolute" else apart.square().sum(1).sqrt()
        parts = []
        step = max(1, _PIECE // len(p))
        for low in range(0, cols.count, step):
            parts.append(rows.largest(p - costs(cols.middles[low : low + step], rows.points, cost) / eps))
        return torch.cat(parts).T + cols.largest(v + own / eps)
    centre = rows.points.mean(0)
    x, y = rows.points - centre, cols.points - centre
    r, q = rows.middles - centre, cols.middles - centre
    of_x = _tilted(rows, p - x.square().sum(1) / eps, x, q, eps)
    of_y = _tilted(cols, v - y.square().sum(1) / eps, y, r, eps)
    # each of them holds 2 r q / eps
    return of_x + of_y.T - 2 / eps * (r @ q.T) + 2 / eps * (rows.halves @ cols.halves.T)


def _tilted(cells: Cells, values: torch.Tensor, points: torch.Tensor, at: torch.Tensor, eps: float) -> torch.Tensor:
    """The largest `values(x) + 2 x q / eps` in each cell for each q of `at`, `(cells, len(at))`."""
    parts = []
    step = max(1, _PIECE // len(points))
    for low in range(0, len(at), step):
        tilt = torch.addmm(values, at[low : low + step] * (2 / eps), points.T)
        parts.append(cells.largest(tilt))
    return torch.cat(parts).T
