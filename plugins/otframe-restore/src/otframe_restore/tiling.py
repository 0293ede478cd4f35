"""Running a network tile by tile, so that its memory does not grow with the image."""

from __future__ import annotations

from collections.abc import Callable

import torch

__all__ = ["tiled"]


def tiled(
    run: Callable[[torch.Tensor], torch.Tensor], planes: torch.Tensor, *, tile: int, overlap: int, scale: int
) -> torch.Tensor:
    """Run on tiles with a margin, and join the results without it.

    Exact for convolutions that look no further than `overlap` pixels.

    Parameters
    ----------
    run : callable
        From `(1, C, h, w)` to `(1, D, scale h, scale w)`.
    planes : torch.Tensor
        Shape `(1, C, H, W)`.
    tile, overlap : int
        Side of a tile, and the margin around it, in input pixels; 0 runs the whole at once.
    scale : int
        How many times larger the output is.

    Returns
    -------
    torch.Tensor
        Shape `(1, D, scale H, scale W)`.
    """
    height, width = planes.shape[2:]
    if tile == 0 or max(height, width) <= tile:
        return run(planes)
    rows = []
    for top in range(0, height, tile):
        y, keep_y = _span(top, height, tile, overlap, scale)
        row = []
        for left in range(0, width, tile):
            x, keep_x = _span(left, width, tile, overlap, scale)
            row.append(run(planes[..., y, x])[..., keep_y, keep_x])
        rows.append(torch.cat(row, dim=3))
    return torch.cat(rows, dim=2)


def _span(start: int, size: int, tile: int, overlap: int, scale: int) -> tuple[slice, slice]:
    """The input samples of a tile with its margin, and the output samples of the tile alone within them."""
    first = max(0, start - overlap)
    end = min(size, start + tile)
    return slice(first, min(size, end + overlap)), slice((start - first) * scale, (end - first) * scale)
