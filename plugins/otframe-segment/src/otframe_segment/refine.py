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

_TILE = 512
_STEPS = 60


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

    What each colour costs each region stays as it was found. Only pixels near a boundary are looked at, and only a tile
    of 512 x 512 at a time: what lies outside stays fixed.

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
    height, width = image.size
    scale = max(height / soft.shape[1], width / soft.shape[2])
    margin = 2 * int(scale + 1)
    made = soft.new_empty((len(soft), height, width))
    tiles = list(_tiles(height, width))
    for number, (top, bottom, left, right) in enumerate(tiles):
        tell(number / len(tiles))
        rows = slice(max(0, top - 2 * margin), min(height, bottom + 2 * margin))
        columns = slice(max(0, left - 2 * margin), min(width, right + 2 * margin))
        start = _enlarged(soft, (height, width), rows, columns)
        known = labels[rows, columns]
        wide = start.amax(0) < 0.98
        near = F.max_pool2d(wide.float()[None], 2 * margin + 1, 1, margin)[0] > 0
        near = near | _broken(start.argmax(0), margin)
        if bool(near.any()):
            part = Image(image.pixels[:, rows, columns], None, image.space)
            features = described(part, 0)
            if local is not None:
                features = torch.cat([features, _enlarged(local, (height, width), rows, columns)])
            bins = nearest(features.flatten(1).T, palette).reshape(known.shape)
            bound = boundary_cost(features, smoothness * max(height, width) / REFERENCE, edges)
            fixed = torch.where(near | (known >= 0), known, start.argmax(0))
            grid = Grid(bins, len(palette), bound, fixed, len(soft), start)
            for _ in range(_STEPS):
                grid.step(costs, 0.25, 0.5)
            start = torch.where(near, grid.full(grid.planes), start)
        inside = slice(top - rows.start, bottom - rows.start), slice(left - columns.start, right - columns.start)
        made[:, top:bottom, left:right] = start[:, inside[0], inside[1]]
    return made


def _tiles(height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            yield top, min(height, top + _TILE), left, min(width, left + _TILE)


def _enlarged(planes: torch.Tensor, size: tuple[int, int], rows: slice, columns: slice) -> torch.Tensor:
    """A part of planes `(C, h, w)` as they are, bilinearly, at a larger size."""
    across = [
        _between(planes.shape[1], size[0], rows, planes),
        _between(planes.shape[2], size[1], columns, planes),
    ]
    return torch.einsum("ay,cyx,bx->cab", across[0], planes, across[1])


def _between(small: int, large: int, part: slice, like: torch.Tensor) -> torch.Tensor:
    """The weights of linear interpolation between pixels' middles, `(n, small)`."""
    places = torch.arange(part.start, part.stop, dtype=like.dtype, device=like.device)
    places = ((places + 0.5) * (small / large) - 0.5).clamp(0, small - 1)
    numbers = torch.arange(small, dtype=like.dtype, device=like.device)
    return (1 - (places[:, None] - numbers).abs()).clamp(min=0)


def _broken(labels: torch.Tensor, reach: int) -> torch.Tensor:
    """Pixels within reach of another label."""
    near = labels.float()[None]
    high = F.max_pool2d(near, 2 * reach + 1, 1, reach)
    low = -F.max_pool2d(-near, 2 * reach + 1, 1, reach)
    return (high != low)[0]
