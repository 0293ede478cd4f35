"""Regions at an image's own size: boundaries that were found on a small image are placed anew, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F

from otframe.values import Image
from otframe_segment.features import described
from otframe_segment.layers import REFERENCE, boundary_cost
from otframe_segment.palette import nearest
from otframe_segment.solve import Grid

__all__ = ["refined"]

_TILE = 256
_STEPS = 50
_SURE = 0.98
_REACH = 2
"""Pixels of the small image on either side of a boundary that are looked at again."""


def refined(
    soft: torch.Tensor,
    image: Image,
    labels: torch.Tensor,
    palette: torch.Tensor,
    costs: list[torch.Tensor],
    local: torch.Tensor | None,
    smoothness: float,
    edges: float,
    tell: Callable[[float], None],
) -> torch.Tensor:
    """Soft regions at the size of the image, `(K, H, W)`.

    What each colour costs each region stays as it was found. Only pixels near a boundary are looked at, a tile at a
    time; the others stay what they are on the small image, enlarged.

    Parameters
    ----------
    soft : torch.Tensor
        Shape `(K, h, w)`: on the small image.
    image, labels : Image, torch.Tensor
        The photograph, and its scribbles `(H, W)`.
    palette, costs : torch.Tensor, list of torch.Tensor
        Colours `(M, d)`, and what they cost in each region: K of `(M,)`.
    local : torch.Tensor, optional
        Shape `(d - 3, h, w)`: features beyond the colour, as they were on the small image.
    """
    size = image.size
    open_ = _open(soft)
    made = soft.new_empty((len(soft), *size))
    margin = 2 * int(max(size[0] / soft.shape[1], size[1] / soft.shape[2]) + 1)
    tiles = list(_tiles(*size))
    for number, tile in enumerate(tiles):
        tell(number / len(tiles))
        inside, part = tile, _grown(tile, margin, size)
        near = _looked_up(open_, size, part)
        if not bool(near.any()):
            made[:, inside[0], inside[1]] = _enlarged(soft, size, inside)
            continue
        start = _enlarged(soft, size, part)
        known = labels[part]
        features = described(Image(image.pixels[:, part[0], part[1]], None, image.space), 0)
        if local is not None:
            features = torch.cat([features, _enlarged(local, size, part)])
        bins = nearest(features.flatten(1).T, palette).reshape(known.shape)
        bound = boundary_cost(features, smoothness * max(size) / REFERENCE, edges)
        fixed = torch.where(near | (known >= 0), known, start.argmax(0))
        grid = Grid(bins, len(palette), bound, fixed, len(soft), start)
        for _ in range(_STEPS):
            grid.step(costs, 0.25, 0.5)
        found = torch.where(near, grid.full(grid.planes), start)
        rows, columns = (_within(one, other) for one, other in zip(inside, part, strict=True))
        made[:, inside[0], inside[1]] = found[:, rows, columns]
    return made


Box = tuple[slice, slice]


def _open(soft: torch.Tensor) -> torch.Tensor:
    """Pixels of the small image that are not sure, or near a boundary, `(h, w)`."""
    numbers = soft.argmax(0).to(soft)[None]
    side = 2 * _REACH + 1
    broken = F.max_pool2d(numbers, side, 1, _REACH) != -F.max_pool2d(-numbers, side, 1, _REACH)
    unsure = F.max_pool2d((soft.amax(0) < _SURE).to(soft)[None], side, 1, _REACH) > 0
    return (broken | unsure)[0]


def _tiles(height: int, width: int) -> Iterator[Box]:
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            yield slice(top, min(height, top + _TILE)), slice(left, min(width, left + _TILE))


def _grown(tile: Box, margin: int, size: tuple[int, int]) -> Box:
    rows, columns = (
        slice(max(0, part.start - margin), min(end, part.stop + margin)) for part, end in zip(tile, size, strict=True)
    )
    return rows, columns


def _within(inner: slice, outer: slice) -> slice:
    return slice(inner.start - outer.start, inner.stop - outer.start)


def _looked_up(plane: torch.Tensor, size: tuple[int, int], part: Box) -> torch.Tensor:
    """The nearest of a small plane for each pixel of a part of the large image."""
    for axis in (0, 1):
        places = torch.arange(part[axis].start, part[axis].stop, device=plane.device)
        plane = plane.index_select(axis, (places * plane.shape[axis]) // size[axis])
    return plane


def _enlarged(planes: torch.Tensor, size: tuple[int, int], part: Box) -> torch.Tensor:
    """A part of planes `(C, h, w)` as they are, bilinearly, at a larger size."""
    for axis in (0, 1):
        small = planes.shape[1 + axis]
        places = torch.arange(part[axis].start, part[axis].stop, dtype=planes.dtype, device=planes.device)
        places = ((places + 0.5) * (small / size[axis]) - 0.5).clamp(0, small - 1)
        low = places.floor().clamp(max=max(0, small - 2)).long()
        high = (low + 1).clamp(max=small - 1)
        share = (places - low).reshape(-1, *(1,) * (1 - axis))
        planes = torch.lerp(planes.index_select(1 + axis, low), planes.index_select(1 + axis, high), share)
    return planes
