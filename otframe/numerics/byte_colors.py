"""8-bit colours moved once each: far faster for photographs than one pixel at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

__all__ = ["each_color_once"]

_PIECE = 1 << 16


def each_color_once(colors: np.ndarray, move: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
    """Move 8-bit colours, each of those that occur once.

    Parameters
    ----------
    colors : numpy.ndarray
        uint8, shape `(..., 3)`; 0 to 255 stand for 0 to 1.
    move : callable
        Takes colours `(n, 3)`, float32, laid out as planes, and gives as many.

    Returns
    -------
    numpy.ndarray
        The same shape, uint8: rounded, and clipped to 0 to 255.
    """
    import cv2

    if colors.size == 0:
        return colors.copy()
    # with a fourth byte of ones a colour is one negative number, which indexes a table of 2^24 from its end
    whole = cv2.cvtColor(np.ascontiguousarray(colors).reshape(1, -1, 3), cv2.COLOR_RGB2RGBA)
    codes = whole.view(np.int32)[0, :, 0]
    occurs = np.zeros(1 << 24, np.bool_)
    for index, _ in _indices(codes):
        occurs[index] = True
    places = np.flatnonzero(occurs)
    found = places.astype(np.uint32)
    split = found.view(np.uint8).reshape(-1, 4)
    points = torch.from_numpy(np.ascontiguousarray(split[:, :3].T)).to(torch.float32).div_(255)
    moved = (move(points.T) * 255).round_().clamp_(0, 255).to(torch.uint8).cpu().numpy()
    split[:, :3] = moved
    table = np.empty(1 << 24, np.uint32)
    table[places] = found
    made = whole.view(np.uint32)[0, :, 0]
    for index, part in _indices(codes):
        np.take(table, index, mode="wrap", out=made[part])
    return cv2.cvtColor(whole, cv2.COLOR_RGBA2RGB).reshape(colors.shape)


def _indices(codes: np.ndarray) -> Iterator[tuple[np.ndarray, slice]]:
    """Pieces of the codes as NumPy indexes with, in memory that stays in the cache: it converts all others at once."""
    held = np.empty(_PIECE, np.intp)
    for start in range(0, len(codes), _PIECE):
        part = slice(start, min(start + _PIECE, len(codes)))
        index = held[: part.stop - start]
        np.copyto(index, codes[part])
        yield index, part
