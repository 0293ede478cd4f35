"""The guided filter with a guide of several channels, its statistics kept for cells of pixels."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

__all__ = ["guided"]

_ROWS = 64
_EMPTY = 1e-9
"""A window of which this share or less counts is empty; running sums leave a trace of what has left them."""


def guided(
    guide: np.ndarray, values: np.ndarray, weight: np.ndarray | None, *, radius: int, variance: float, step: int
) -> np.ndarray:
    r"""Values as locally affine functions of a guide [he2013guided]_.

    In every window the affine function of the guide's colours is found that fits the values best, with a penalty on its
    slope,

    .. math:: \min_{a, b} \sum_y w(y) \bigl( |a^T g(y) + b - v(y)|^2 + \epsilon |a|^2 \bigr)

    and a pixel gets the mean of what all windows that it is in say of its colour. Sums over windows are running sums,
    so that the time does not depend on the radius. Windows end at the image's border, and only what is inside counts.

    With a `step` s above 1, windows are made of cells of s x s pixels: their statistics are exact sums over all pixels,
    but slopes are found once a cell and are linear between cells [he2015fast]_. That takes little more than reading the
    image, and the memory beside the result is that of a strip.

    Parameters
    ----------
    guide : numpy.ndarray
        Shape `(C, H, W)`, float32.
    values : numpy.ndarray
        Shape `(D, H, W)`, float32.
    weight : numpy.ndarray, optional
        Shape `(H, W)`, not negative: what each pixel counts; all alike where absent.
    radius : int
        Windows have `2 radius + 1` pixels a side, rounded to whole cells.
    variance : float
        The penalty epsilon: structure of the guide with a variance far below it is smoothed over.
    step : int
        Pixels on each side of a cell; 1 for the filter as it is written.

    Returns
    -------
    numpy.ndarray
        Shape `(D, H, W)`, float32.
    """
    # about their means, so that covariances lose no digits and constants stay what they are
    origin, mean = _means(guide), _means(values)
    sums = _cells(guide, values, weight, origin, mean, step)
    slopes, offsets = _fitted(sums, len(guide), len(values), max(1, round(radius / step)), variance)
    made = np.empty_like(values)
    for top, bottom, part in _spread(slopes, offsets, step, values.shape[1:]):
        near = [plane[top:bottom] - np.float32(o) for plane, o in zip(guide, origin, strict=True)]
        for k, total in enumerate(part):
            strip = made[k, top:bottom]
            np.add(total[..., -1], np.float32(mean[k]), out=strip)
            for channel, plane in enumerate(near):
                strip += total[..., channel] * plane
    return made


def _means(planes: np.ndarray) -> list[float]:
    return [float(plane.mean(dtype=np.float64)) for plane in planes]


def _cells(
    guide: np.ndarray, values: np.ndarray, weight: np.ndarray | None, origin: list[float], mean: list[float], step: int
) -> np.ndarray:
    """Sums over cells, `(K, h, w)` float64: of 1, the guide, the values, and the products of the guide with both."""
    channels, _, width = guide.shape
    rows = max(step, _ROWS // step * step)
    strips = []
    for top in range(0, guide.shape[1], rows):
        part = slice(top, top + rows)
        g = [plane[part].astype(np.float64) - o for plane, o in zip(guide, origin, strict=True)]
        v = [plane[part].astype(np.float64) - m for plane, m in zip(values, mean, strict=True)]
        w = np.ones_like(g[0]) if weight is None else weight[part].astype(np.float64)
        weighted = g if weight is None else [w * plane for plane in g]
        planes = [w, *weighted, *(v if weight is None else [w * plane for plane in v])]
        planes += [weighted[i] * g[j] for i in range(channels) for j in range(i, channels)]
        planes += [plane * one for plane in weighted for one in v]
        strips.append(np.stack([_summed(plane, step, width) for plane in planes]))
    return np.concatenate(strips, axis=1)


def _summed(plane: np.ndarray, step: int, width: int) -> np.ndarray:
    if step == 1:
        return plane
    below, right = -len(plane) % step, -width % step
    if below or right:
        plane = cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_CONSTANT, value=0)
    size = plane.shape[1] // step, plane.shape[0] // step
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA)) * float(step * step)


def _fitted(
    sums: np.ndarray, channels: int, count: int, reach: int, variance: float
) -> tuple[list[list[np.ndarray]], list[np.ndarray]]:
    """The mean slopes `[value][channel]` and offsets `[value]` of the windows around each cell."""
    total = _box(sums[0], reach)
    held = total > _EMPTY * total.max() if total.max() > 0 else np.zeros(total.shape, bool)
    share = np.where(held, 1 / np.where(held, total, 1), 0)
    planes = (_box(plane, reach) * share for plane in sums[1:])
    g = [next(planes) for _ in range(channels)]
    v = [next(planes) for _ in range(count)]
    cov = {(i, j): next(planes) - g[i] * g[j] for i in range(channels) for j in range(i, channels)}
    for i in range(channels):
        cov[i, i] = np.maximum(cov[i, i], 0) + variance
    right = [[next(planes) - g[i] * v[k] for k in range(count)] for i in range(channels)]
    slopes = _solved(cov, right)
    offsets = [v[k] - sum(slopes[i][k] * g[i] for i in range(channels)) for k in range(count)]
    number = _box(held.astype(np.float64), reach)
    share = np.where(number > 0.5, 1 / np.maximum(number, 0.5), 0)
    means = [[_box(slopes[i][k] * held, reach) * share for i in range(channels)] for k in range(count)]
    return means, [_box(offset * held, reach) * share for offset in offsets]


def _box(plane: np.ndarray, reach: int) -> np.ndarray:
    side = 2 * reach + 1
    return np.asarray(cv2.boxFilter(plane, cv2.CV_64F, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT))


def _solved(cov: dict[tuple[int, int], np.ndarray], right: list[list[np.ndarray]]) -> list[list[np.ndarray]]:
    """Symmetric positive systems, one a cell, by elimination: all matrices have the penalty on their diagonals."""
    size = len(right)
    right = [list(row) for row in right]
    for i in range(size):
        for j in range(i + 1, size):
            factor = cov[i, j] / cov[i, i]
            for k in range(j, size):
                cov[j, k] = cov[j, k] - factor * cov[i, k]
            right[j] = [below - factor * above for below, above in zip(right[j], right[i], strict=True)]
    for i in reversed(range(size)):
        for j in range(i + 1, size):
            right[i] = [above - cov[i, j] * below for above, below in zip(right[i], right[j], strict=True)]
        right[i] = [above / cov[i, i] for above in right[i]]
    return right


def _spread(
    slopes: list[list[np.ndarray]], offsets: list[np.ndarray], step: int, size: tuple[int, ...]
) -> Iterator[tuple[int, int, list[np.ndarray]]]:
    """Strips of rows, with slopes and the offset of each value at their pixels, `(rows, W, C + 1)`."""
    height, width = size
    cells = [
        np.pad(np.stack([*slope, offset], -1).astype(np.float32), ((1, 1), (1, 1), (0, 0)), mode="edge")
        for slope, offset in zip(slopes, offsets, strict=True)
    ]
    each = max(1, _ROWS // step)
    for first in range(0, len(offsets[0]), each):
        last = min(first + each, len(offsets[0]))
        top, bottom = first * step, min(last * step, height)
        part = []
        for cell in cells:
            block = cell[first : last + 2]
            if step > 1:
                grown = (block.shape[1] * step, block.shape[0] * step)
                block = cv2.resize(block, grown, interpolation=cv2.INTER_LINEAR)
            part.append(block[step : step + bottom - top, step : step + width])
        yield top, bottom, part
