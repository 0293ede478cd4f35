"""Points in the order of a k-d tree, so that neighbours stand together: `Cells` of such points, as the batches that are
looked at together."""

from __future__ import annotations

import itertools

import torch

__all__ = ["Cells", "borders", "kd_order", "numbered"]


def borders(count: int, depth: int) -> list[int]:
    """Where the `2^depth` cells of a depth begin among `count` ordered points, and the end."""
    return [k * count >> depth for k in range((1 << depth) + 1)]


def numbered(ends: list[int], device: torch.device) -> torch.Tensor:
    """The number of the cell of each point, `(n,)`, of where the cells begin and end."""
    sizes = torch.tensor([high - low for low, high in itertools.pairwise(ends)]).to(device)
    return torch.repeat_interleave(torch.arange(len(ends) - 1, device=device), sizes)


def kd_order(points: torch.Tensor, depth: int) -> torch.Tensor:
    """The order of points `(n, d)` in which each cell of a k-d tree stands together: cells are cut in two halves of as
    many points, across their widest side, `depth` times."""
    order = torch.arange(len(points), device=points.device)
    for level in range(depth):
        found = points[order]
        cell = numbered(borders(len(points), level), points.device)
        index = cell[:, None].expand_as(found)
        low, high = (
            found.new_zeros(1 << level, found.shape[1]).scatter_reduce_(0, index, found, how, include_self=False)
            for how in ("amin", "amax")
        )
        widths, axis = (high - low).max(1)
        place = found.gather(1, axis[cell][:, None])[:, 0] - low.gather(1, axis[:, None])[:, 0][cell]
        widths = torch.where(widths > 0, widths, torch.ones_like(widths))
        order = order[torch.argsort(cell + 0.999 * (place / widths[cell]), stable=True)]
    return order


class Cells:
    """Points cut in cells of neighbours, each with the middle and half the sides of the box around it.

    Parameters
    ----------
    points : torch.Tensor
        Shape `(n, d)`, float64, in the order of a k-d tree.
    depth : int
        The depth whose cells they are.
    """

    def __init__(self, points: torch.Tensor, depth: int) -> None:
        self.points = points
        self.ends = borders(len(points), depth)
        self.number = numbered(self.ends, points.device)
        widest = max(high - low for low, high in itertools.pairwise(self.ends))
        # cells as rows of one width: where one is smaller, its last point stands twice
        first, last = torch.tensor(self.ends[:-1]), torch.tensor(self.ends[1:]) - 1
        self.members = torch.minimum(first[:, None] + torch.arange(widest), last[:, None]).to(points.device)
        boxed = points[self.members]
        low, high = boxed.amin(1), boxed.amax(1)
        self.middles = low / 2 + high / 2
        self.halves = high / 2 - low / 2

    @property
    def count(self) -> int:
        """Number of cells."""
        return len(self.ends) - 1

    def block(self, number: int) -> slice:
        """Where the points of a cell stand."""
        return slice(self.ends[number], self.ends[number + 1])

    def largest(self, values: torch.Tensor) -> torch.Tensor:
        """The largest value in each cell, `(..., n)` to `(..., cells)`."""
        return values[..., self.members].amax(-1)
