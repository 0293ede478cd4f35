"""Values between the nodes of a colour table, by tetrahedra, fast."""

from __future__ import annotations

import numpy as np
import torch

__all__ = ["tetrahedral"]

_PIECE = 1 << 15
"""Places that go through at once on the CPU, so that they stay in the processor's cache."""


@torch.no_grad()
def tetrahedral(table: torch.Tensor, low: torch.Tensor, high: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """A table's values at points, as `otframe.values.maps.interpolated` gives them along the axes.

    Each cell is cut in six tetrahedra along its diagonal of greys [kang2006computational]_.

    From the first corner of a cell one goes along the axis on which the place lies furthest, then along the second,
    then along the third; each corner counts by what the next axis has less. To sort the axes without a branch, the
    number of each is put into the two last bits of its part: floats from 0 up are in the order of their bits, and
    three comparisons of integers sort both. The weights lose these two bits and still sum to one.

    Parameters
    ----------
    table : torch.Tensor
        Shape `(s, s, s, 3)`.
    low, high : torch.Tensor
        Shape `(3,)`: where its first and its last node lie; beyond them counts the edge.
    points : torch.Tensor
        Shape `(n, 3)`, float32 or float64. NaN gives NaN, for that point alone.

    Returns
    -------
    torch.Tensor
        Shape `(n, 3)`, in the precision of the points, laid out in memory as they are.
    """
    size, whole = table.shape[0], table.shape[0] ** 2 + table.shape[0] + 1
    rows = table.to(points).reshape(-1, 3)
    bits = torch.int32 if points.dtype == torch.float32 else torch.int64
    names = torch.as_tensor([[2], [1], [0]], dtype=bits).to(points.device)
    scale = ((size - 1) / (high - low).to(points.device, torch.float64)).to(points)[:, None]
    origin = low.to(points)[:, None] if bool((low != 0).any()) else None
    top = (size - 1) * (1 - torch.finfo(points.dtype).eps)  # so that the cell is never the last node
    made = _blank(points)
    piece = _PIECE if points.device.type == "cpu" else max(len(points), 1)
    room = points.new_empty(3, min(piece, len(points)))  # planes, whatever the points are
    starts = torch.arange(0, 4 * min(piece, len(points)), 4, dtype=torch.int32).to(points.device)
    for begin in range(0, len(points), piece):
        part = points[begin : begin + piece].T
        place = torch.mul(part if origin is None else part - origin, scale, out=room[:, : part.shape[1]]).clamp_(0, top)
        cell = place.floor()
        keys = place.sub_(cell).view(bits).bitwise_and_(-4).bitwise_or_(names)
        near = cell.to(torch.int32)
        first = near[0].mul_(size).add_(near[1]).mul_(size).add_(near[2])
        first.clamp_(0, len(rows) - 1 - whole)  # a NaN's cell may be any
        last = first + whole
        large, middle, small = _sorted(*keys)
        corners = [first, _beside(first, large, size, 1), _beside(last, small, size, -1), last]
        a, b, c = (key.bitwise_and_(-4).view(points.dtype) for key in (large, middle, small))
        found = torch.nn.functional.embedding_bag(
            _interleaved(corners),
            rows,
            starts[: part.shape[1]],
            mode="sum",
            per_sample_weights=_interleaved([1 - a, a - b, b - c, c]),
        )
        made[begin : begin + piece].copy_(found)
    return made


def _sorted(r: torch.Tensor, g: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Three numbers a place, the largest first."""
    large, small = torch.maximum(r, g), torch.minimum(r, g)
    middle = torch.maximum(small, torch.minimum(large, b))
    return torch.maximum(large, b), middle, torch.minimum(small, b)


def _beside(corner: torch.Tensor, key: torch.Tensor, size: int, way: int) -> torch.Tensor:
    """The corner one step along the axis that a key names: 0 blue (1 row), 1 green (s rows), 2 red (s^2 rows)."""
    green, red = key & 1, (key & 2) >> 1
    made = torch.add(corner, green.to(corner.dtype), alpha=way * (size - 1))
    return made.add_(red.to(corner.dtype), alpha=way * (size * size - 1)).add_(way)


def _blank(points: torch.Tensor) -> torch.Tensor:
    """Memory for values, planes where the points are planes."""
    planes = points.stride(0) == 1 and len(points) > 1
    if points.device.type != "cpu":
        return torch.empty_like(points)
    # NumPy asks for large pages: a photograph's worth of small ones takes long to map
    shape = (3, len(points)) if planes else (len(points), 3)
    made = torch.from_numpy(np.empty(shape, np.float64 if points.dtype == torch.float64 else np.float32))
    return made.T if planes else made


def _interleaved(planes: list[torch.Tensor]) -> torch.Tensor:
    """Planes `(m,)` as one row a point, flat."""
    if planes[0].device.type != "cpu":
        return torch.stack(planes, -1).reshape(-1)
    import cv2

    return torch.from_numpy(cv2.merge([plane.numpy()[None] for plane in planes])).reshape(-1)
