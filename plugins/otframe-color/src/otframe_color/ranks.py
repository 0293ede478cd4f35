"""Where each pixel stands among all of an image, from darkest to brightest, ties told apart by their surroundings."""

from __future__ import annotations

import cv2
import numpy as np
import torch

__all__ = ["ranked"]

_WINDOWS = (3, 9)
"""Sides of the squares whose means tell equal pixels apart, one after the other."""

_STEPS = 1 << 16
"""Means are told apart by this part of the range."""

_RANGE = 0.001, 0.999


def ranked(plane: np.ndarray, counts: np.ndarray | None, *, local: bool) -> tuple[np.ndarray, np.ndarray]:
    """The order of the pixels, and the groups of those that stand together.

    Pixels of one value are a group; with `local`, the one with the brighter surroundings stands higher
    [coltuc2006exact]_, and only those whose surroundings agree as well stay together.

    Parameters
    ----------
    plane : numpy.ndarray
        Shape `(H, W)`, float32, finite.
    counts : numpy.ndarray, optional
        Shape `(H, W)`, bool: which pixels count and are ranked; all where absent.
    local : bool
        Whether surroundings count.

    Returns
    -------
    order : numpy.ndarray
        Shape `(n,)`, int64: of the pixels that count, in raster order, the numbers from the darkest to the brightest.
    edges : numpy.ndarray
        Shape `(g + 1,)`, int64, from 0 to n: where each group of `order` starts, and the end.
    """
    key = _ordered(_chosen(plane, counts)) << 32
    if local:
        # but for a few: a single bright pixel would make all steps coarse
        low, high = (float(each) for each in np.quantile(_thinned(_chosen(plane, counts)), _RANGE))
        scale = (_STEPS - 1) / (high - low) if high > low else 0.0
        for shift, side in zip((16, 0), _WINDOWS, strict=True):
            mean = _chosen(_means(plane, counts, side), counts)
            step = np.rint((mean - np.float32(low)) * np.float32(scale)).clip(0, _STEPS - 1).astype(np.int64)
            key += step << shift
    found, order = torch.from_numpy(key).sort()
    inner = (found[1:] != found[:-1]).nonzero()[:, 0] + 1
    edges = torch.cat([inner.new_zeros(1), inner, inner.new_full((1,), len(found))])
    return order.numpy(), edges.numpy()


def _means(plane: np.ndarray, counts: np.ndarray | None, side: int) -> np.ndarray:
    """Means over squares, of the pixels that count."""
    if counts is None:
        return cv2.blur(plane, (side, side), borderType=cv2.BORDER_REFLECT_101)
    kept = np.where(counts, plane, np.float32(0))
    sums, share = (
        cv2.blur(each, (side, side), borderType=cv2.BORDER_REFLECT_101) for each in (kept, counts.astype(np.float32))
    )
    return np.asarray(sums / np.maximum(share, np.float32(0.5 / side**2)))


def _thinned(values: np.ndarray) -> np.ndarray:
    return values[:: max(1, len(values) // 100_000)]


def _chosen(plane: np.ndarray, counts: np.ndarray | None) -> np.ndarray:
    return plane.ravel() if counts is None else plane[counts]


def _ordered(values: np.ndarray) -> np.ndarray:
    """Integers of 32 bits in the order of float32 values, as int64; both zeros are one."""
    bits = (values.astype(np.float32) + np.float32(0)).view(np.int32).astype(np.int64)
    return np.where(bits >= 0, bits, -(bits & 0x7FFFFFFF))
