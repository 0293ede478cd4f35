"""The nodes of a table where what is between them is least wrong, instead of where each is right for itself."""

from __future__ import annotations

import dataclasses
from itertools import product

import torch

from otframe_color.cloud_value import ColorCloud
from otframe_color.corners import corners
from otframe_color.lut import Lut
from otframe_color.maps import ColorMap
from otframe_color.nodes import moved, palette
from otframe_color.spaces import converted

__all__ = ["fitted_nodes"]

_STEPS = 8
_PALETTE = 1 << 17
_CORNERS = tuple(product((0, 1), repeat=3))


def fitted_nodes(map: ColorMap, lut: Lut, colors: ColorCloud | None = None) -> Lut:
    """The same table with nodes of least mean square error, over its domain and a palette, each half.

    A table of plain samples errs to one side between its nodes wherever the map bends. Here the nodes `t` minimise
    `sum_x w(x) |sum_i c_i(x) t_i - map(x)|^2`, `c` the weights of the interpolation, over eight colours in each cell
    (Gauss's rule) and those of the palette. A few steps of conjugate gradients lead there from plain samples.

    Nodes on the diagonal of greys stay: black and white are exact, and where the map keeps greys grey the table does.

    Parameters
    ----------
    map : ColorMap
        The exact map.
    lut : Lut
        Its table, of plain samples.
    colors : ColorCloud, optional
        The colours of photographs, weighted; those of most weight where there are more than 131072.
    """
    cells = _Cells(lut)
    parts: list[tuple[_Cells | _Points, torch.Tensor]] = [(cells, moved(map, lut.inputs(cells.places())))]
    if colors is not None:
        points = _Points(lut, colors, cells.count)
        parts.append((points, moved(map, points.colors)))
    nodes = lut.table.float()
    free = torch.ones(lut.size**3, 1).to(nodes.device)
    free[:: lut.size**2 + lut.size + 1] = 0
    free = free.reshape(*nodes.shape[:3], 1)
    rest = torch.stack([part.spread(wanted.to(nodes) - part.values(nodes)) for part, wanted in parts]).sum(0) * free
    scale = free / torch.stack([part.diagonal() for part, _ in parts]).sum(0).clamp(min=1e-6)[..., None]
    change, way = torch.zeros_like(rest), rest * scale
    size = (rest * way).sum((0, 1, 2))
    for _ in range(_STEPS):
        pushed = torch.stack([part.spread(part.values(way)) for part, _ in parts]).sum(0) * free
        step = size / (way * pushed).sum((0, 1, 2)).clamp(min=1e-30)
        change.addcmul_(way, step)
        rest = rest - pushed * step
        scaled = rest * scale
        after = (rest * scaled).sum((0, 1, 2))
        way = scaled + way * (after / size.clamp(min=1e-30))
        size = after
    return dataclasses.replace(lut, table=nodes + change)


class _Cells:
    """Eight colours in each cell: the same mixture of its corners in every one, so that a matrix of 8 x 8 makes all."""

    def __init__(self, lut: Lut) -> None:
        self._cells = lut.size - 1
        self.count = 8 * self._cells**3
        half = 0.5 / 3**0.5
        self._inside = torch.cartesian_prod(*3 * [torch.as_tensor([0.5 - half, 0.5 + half], dtype=torch.float64)])
        mixture = torch.zeros(8, 8)
        for at, weight in corners(2, self._inside, tetrahedral=lut.interpolation == "tetrahedral"):
            mixture.scatter_add_(1, at[:, None], weight.float()[:, None])
        self._mixture = mixture.to(lut.table.device)

    def places(self) -> torch.Tensor:
        """Where they lie in the table, `(8 (s-1)^3, 3)`, float64."""
        cells = torch.arange(self._cells, dtype=torch.float64)
        origins = torch.cartesian_prod(cells, cells, cells)
        return ((self._inside[:, None] + origins) / self._cells).reshape(-1, 3).to(self._mixture.device)

    def values(self, nodes: torch.Tensor) -> torch.Tensor:
        """What is between nodes `(s, s, s, 3)`, `(8 (s-1)^3, 3)`."""
        n = self._cells
        near = torch.stack([nodes[i : i + n, j : j + n, k : k + n] for i, j, k in _CORNERS])
        return (self._mixture @ near.reshape(8, -1)).reshape(-1, 3)

    def spread(self, values: torch.Tensor) -> torch.Tensor:
        """The transpose of `values`."""
        return self._summed((self._mixture.T @ values.reshape(8, -1)).reshape(8, *3 * [self._cells], 3))

    def diagonal(self) -> torch.Tensor:
        """The squared weights of each node, summed, `(s, s, s)`."""
        each = self._mixture.square().sum(0)
        return self._summed(each.reshape(8, 1, 1, 1, 1).expand(8, *3 * [self._cells], 1))[..., 0]

    def _summed(self, parts: torch.Tensor) -> torch.Tensor:
        n = self._cells
        made = parts.new_zeros(n + 1, n + 1, n + 1, parts.shape[-1])
        for (i, j, k), part in zip(_CORNERS, parts, strict=True):
            made[i : i + n, j : j + n, k : k + n] += part
        return made


class _Points:
    """The colours of a palette, with weights that sum to the number of colours in the cells."""

    def __init__(self, lut: Lut, colors: ColorCloud, total: int) -> None:
        points, weights = palette(colors)
        most = weights.argsort(descending=True, stable=True)[:_PALETTE]
        weights = weights[most].to(lut.table.device)
        self.colors = converted(points[most], colors.space, lut.coded).to(lut.table.device)
        self._weights = (weights * (total / weights.sum())).float()
        found = corners(lut.size, lut.places(self.colors), tetrahedral=lut.interpolation == "tetrahedral")
        self._near = [(at, weight.float()[:, None]) for at, weight in found]
        self._shape = lut.table.shape

    def values(self, nodes: torch.Tensor) -> torch.Tensor:
        """What is between nodes, `(n, 3)`."""
        rows = nodes.reshape(-1, 3)
        return torch.stack([rows[at] * weight for at, weight in self._near]).sum(0)

    def spread(self, values: torch.Tensor) -> torch.Tensor:
        """The transpose of `values`, with the weights."""
        made = values.new_zeros(self._shape).reshape(-1, 3)
        for at, weight in self._near:
            made.index_add_(0, at, values * (weight * self._weights[:, None]))
        return made.reshape(self._shape)

    def diagonal(self) -> torch.Tensor:
        """The squared weights of each node, summed, `(s, s, s)`."""
        made = self._weights.new_zeros(self._shape[:3]).reshape(-1)
        for at, weight in self._near:
            made.index_add_(0, at, weight[:, 0].square() * self._weights)
        return made.reshape(self._shape[:3])
