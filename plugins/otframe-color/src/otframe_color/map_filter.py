"""Transportation map regularisation: values averaged over near pixels of like colour."""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np

__all__ = ["averaged"]

_REACH = 3
"""Pixels are looked at on a lattice of so many steps each way."""
_ROWS = 256


def averaged(
    guide: np.ndarray, values: np.ndarray, weight: np.ndarray | None, *, radius: int, sigma: float
) -> np.ndarray:
    r"""Means of values over the neighbours of each pixel that have its colour, nearly [rabin2011removing]_:

    .. math:: \frac{1}{C(x)} \sum_{y \in N(x)} v(y) \, e^{-|g(x) - g(y)|^2 / \sigma^2}

    The neighbourhood is the square of the radius. Of a large one 7 x 7 pixels on a lattice are looked at, itself in the
    middle, so that the time does not depend on the radius.

    Parameters
    ----------
    guide, values : numpy.ndarray
        Shapes `(C, H, W)` and `(D, H, W)`, float32.
    weight : numpy.ndarray, optional
        Shape `(H, W)`, not negative: what each pixel counts; all alike where absent.
    radius : int
        Pixels.
    sigma : float
        In units of the guide.

    Returns
    -------
    numpy.ndarray
        Shape `(D, H, W)`, float32; the values themselves where nothing around a pixel counts.
    """
    reach = min(radius, _REACH)
    places = np.rint(np.arange(-reach, reach + 1) * (radius / reach)).astype(int)
    offsets = [(int(dy), int(dx)) for dy, dx in product(places, places) if (dy, dx) > (0, 0)]
    # about their means, so that constants stay what they are
    mean = values.mean((1, 2), dtype=np.float64).astype(np.float32)[:, None, None]
    made = np.empty_like(values)
    height = values.shape[1]
    for top in range(0, height, _ROWS):
        bottom = min(top + _ROWS, height)
        low, high = max(0, top - radius), min(height, bottom + radius)
        part = slice(low, high)
        strip = values[:, part] - mean
        held = None if weight is None else weight[part].astype(np.float32)
        total, share = _sums(guide[:, part] / np.float32(sigma), strip, held, offsets)
        inner = slice(top - low, bottom - low)
        total, share = total[:, inner], share[inner]
        empty = share <= 0
        made[:, top:bottom] = np.where(empty, strip[:, inner], total / np.where(empty, 1, share)) + mean
    return made


def _sums(
    guide: np.ndarray, values: np.ndarray, weight: np.ndarray | None, offsets: list[tuple[int, int]]
) -> tuple[np.ndarray, np.ndarray]:
    """The weighted sums of values `(D, h, w)` and the weights' sums `(h, w)`."""
    total = values.copy() if weight is None else values * weight
    share = np.ones_like(values[0]) if weight is None else weight.copy()
    for dy, dx in offsets:
        here, there = _shifted(values.shape[1:], dy, dx)
        if not share[here].size:
            continue
        # a pair is as alike one way as the other
        like = np.zeros_like(share[here])
        for plane in guide:
            difference = plane[here] - plane[there]
            like -= difference * difference
        cv2.exp(like, like)
        onto, back = (like, like) if weight is None else (like * weight[there], like * weight[here])
        share[here] += onto
        share[there] += back
        for plane, sums in zip(values, total, strict=True):
            sums[here] += onto * plane[there]
            sums[there] += back * plane[here]
    return total, share


def _shifted(size: tuple[int, ...], dy: int, dx: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where both pixels of a pair lie in the image; dy is not negative."""
    height, width = size
    left, right = max(0, -dx), max(0, dx)
    here = slice(0, max(0, height - dy)), slice(left, max(left, width - right))
    there = slice(dy, max(dy, height)), slice(right, max(right, width - left))
    return here, there
