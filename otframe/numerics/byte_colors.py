"""8-bit colours moved once each: far faster for photographs than one pixel at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

__all__ = ["each_color_once"]


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
    # with a fourth byte a colour is one number
    whole = cv2.cvtColor(np.ascontiguousarray(colors).reshape(1, -1, 3), cv2.COLOR_RGB2RGBA)
    codes = whole.view(np.uint32)[0, :, 0]
    codes &= np.uint32(0xFFFFFF)
    occurs = np.zeros(1 << 24, np.bool_)
    occurs[codes] = True
    found = np.flatnonzero(occurs).astype(np.uint32)
    split = found.view(np.uint8).reshape(-1, 4)
    points = torch.from_numpy(np.ascontiguousarray(split[:, :3].T)).to(torch.float32) / 255
    moved = (move(points.T) * 255).round().clamp_(0, 255).to(torch.uint8).cpu().numpy()
    split[:, :3] = moved
    table = np.empty(1 << 24, np.uint32)
    table[np.flatnonzero(occurs)] = found
    return cv2.cvtColor(table[codes].view(np.uint8).reshape(1, -1, 4), cv2.COLOR_RGBA2RGB).reshape(colors.shape)
