"""Running a local network tile by tile: memory of a tile instead of the whole image, and the same result."""

from __future__ import annotations

from collections.abc import Callable

import torch

__all__ = ["run_tiled"]


def run_tiled(
    run: Callable[[torch.Tensor], torch.Tensor], batch: torch.Tensor, *, tile: int, halo: int, step: int, scale: float
) -> torch.Tensor:
    """Apply a local network to overlapping tiles and keep of each result what no border has reached.

    Parameters
    ----------
    run : callable
        `(1, C, h, w)` to `(1, C', h * scale, w * scale)`.
    batch : torch.Tensor
        Shape `(1, C, H, W)`.
    tile, halo : int
        Side of what is kept of a tile, and samples around it that are computed and thrown away: at least the network's
        radius. Both are rounded up to multiples of `step`.
    step : int
        Tiles begin at multiples of this: the stride of an encoder, 1 for a decoder.
    scale : float
        Samples of the result per sample of the batch.
    """
    tile, halo = -(-tile // step) * step, -(-halo // step) * step
    height, width = batch.shape[-2:]
    if max(height, width) <= tile + 2 * halo:
        return run(batch)
    result: torch.Tensor | None = None
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            bottom, right = min(top + tile, height), min(left + tile, width)
            first_row, first_col = max(top - halo, 0), max(left - halo, 0)
            part = run(batch[..., first_row : bottom + halo, first_col : right + halo])
            if result is None:
                size = (*part.shape[:-2], round(height * scale), round(width * scale))
                result = part.new_empty(size)
            rows = slice(round((top - first_row) * scale), round((bottom - first_row) * scale))
            cols = slice(round((left - first_col) * scale), round((right - first_col) * scale))
            result[..., round(top * scale) : round(bottom * scale), round(left * scale) : round(right * scale)] = part[
                ..., rows, cols
            ]
    assert result is not None
    return result
