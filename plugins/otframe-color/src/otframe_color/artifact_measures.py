"""Measures of what recolouring did to an image's noise, gradients and smooth ramps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from otframe.values import Image
from otframe_color.alike import check_alike

__all__ = ["Artifacts", "measured"]

_LUMA = (0.2126, 0.7152, 0.0722)
_NOTHING = 1e-14
"""Variances below this are rounding."""
_STEPS = 1e-10
"""So are sums of squared steps below this, less than one of 16 bits."""
_WORST = 0.95


@dataclass(frozen=True)
class Artifacts:
    """What recolouring did; None where there was nothing to measure, as on a constant image.

    Parameters
    ----------
    noise : float, optional
        How many times as strong noise is in flat places: the median ratio of local standard deviations.
    worst_noise : float, optional
        The same where it is worst: the 95 % quantile of the ratio.
    gradients : float, optional
        -1 to 1: how well the gradients of the luminance were kept, up to one factor for the whole image.
    banding : float, optional
        How many times as far apart the steps are of which smooth places are made.
    """

    noise: float | None
    worst_noise: float | None
    gradients: float | None
    banding: float | None


def measured(image: Image, moved: Image, *, window: int = 7, span: int = 33, flat: float = 0.25) -> Artifacts:
    """What recolouring did to an image: what `color.artifacts` tells and explains, as numbers."""
    check_alike(image, moved)
    before, after = (list(_planes(one)) for one in (image, moved))
    clipped = _clipped(before) | _clipped(after)
    ratios = _compared([_noise(planes, window) for planes in (before, after)], clipped, window, flat)
    noise = None if ratios is None else float(np.sqrt(np.median(ratios)))
    worst = None if ratios is None else float(np.sqrt(np.quantile(ratios, _WORST)))
    return Artifacts(noise, worst, _cosine(before, after), _banding(before, after, clipped, span, flat))


def _planes(image: Image) -> Iterator[np.ndarray]:
    for plane in image.pixels.detach().cpu():
        yield plane.numpy().astype(np.float64)


def _clipped(planes: list[np.ndarray]) -> np.ndarray:
    """Pixels of which a channel is at an end of the display range; in high dynamic range 1 is no end."""
    end = 1.0 if max(plane.max() for plane in planes) <= 1 + 1e-6 else np.inf
    found = np.zeros(planes[0].shape, bool)
    for plane in planes:
        found |= (plane <= 0) | (plane >= end)
    return found


def _noise(planes: list[np.ndarray], window: int) -> np.ndarray:
    """The variance about a plane in each whole window, summed over channels; empty where none fits."""
    reach = window // 2
    side = 2 * reach + 1
    ones, ramp = np.ones(side), np.arange(-reach, reach + 1, dtype=np.float64)
    inner = tuple(slice(reach, max(reach, size - reach)) for size in planes[0].shape)
    total = np.zeros_like(planes[0][inner])
    if not total.size:
        return total
    for plane in planes:
        centred = plane - plane.mean()
        left = _summed(centred * centred, ones, ones)[inner]
        left -= _summed(centred, ones, ones)[inner] ** 2 / side**2
        slopes = _summed(centred, ramp, ones)[inner] ** 2 + _summed(centred, ones, ramp)[inner] ** 2
        left -= slopes / (side * (ramp**2).sum())
        total += left
    return np.maximum(total, 0) / (side**2 - 3)


def _summed(plane: np.ndarray, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    return cv2.sepFilter2D(plane, cv2.CV_64F, along, across, borderType=cv2.BORDER_REFLECT)


def _compared(pair: list[np.ndarray], clipped: np.ndarray, window: int, flat: float) -> np.ndarray | None:
    """Ratios of variances in the flat windows; None where there are none."""
    before, after = pair
    if not before.size:
        return None
    reach = window // 2
    near = cv2.dilate(clipped.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)) > 0
    usable = ~near[tuple(slice(reach, size - reach) for size in clipped.shape)] & (before > _NOTHING)
    return _lowest(before, after, usable, flat)


def _lowest(before: np.ndarray, after: np.ndarray, usable: np.ndarray, flat: float) -> np.ndarray | None:
    """The ratio `after / before` at the usable places with the lowest values before."""
    if not usable.any():
        return None
    first, second = before[usable], after[usable]
    chosen = first <= np.quantile(first, flat)
    return np.asarray(second[chosen] / first[chosen])


def _cosine(before: list[np.ndarray], after: list[np.ndarray]) -> float | None:
    first, second = (_gradient(_luminance(planes)) for planes in (before, after))
    length = (first**2).sum()
    if not length > _NOTHING:
        return None
    other = (second**2).sum()
    return float((first * second).sum() / np.sqrt(length * other)) if other > _NOTHING else 0.0


def _luminance(planes: list[np.ndarray]) -> np.ndarray:
    weights = _LUMA if len(planes) == 3 else [1 / len(planes)] * len(planes)
    return np.asarray(sum(weight * plane for weight, plane in zip(weights, planes, strict=True)))


def _gradient(plane: np.ndarray) -> np.ndarray:
    """Steps to the right and down, one after the other, flat."""
    return np.concatenate([np.diff(plane, axis=1).ravel(), np.diff(plane, axis=0).ravel()])


def _banding(
    before: list[np.ndarray], after: list[np.ndarray], clipped: np.ndarray, span: int, flat: float
) -> float | None:
    height, width = clipped.shape
    side = min(span, height, width)
    if side < 2:
        return None
    lengths, squares, count = _steps(before, side)
    usable = (_windows(clipped.astype(np.float64), (side, side)) < 0.5) & (squares > _STEPS)
    if not usable.any():
        return None
    usable &= squares <= np.quantile(squares[usable], flat)
    later, later_squares, _ = _steps(after, side)
    ratios = _sparsity(later, later_squares, count)[usable] / _sparsity(lengths, squares, count)[usable]
    return float(ratios.mean())


def _steps(planes: list[np.ndarray], side: int) -> tuple[np.ndarray, np.ndarray, int]:
    """For each whole window the sum of its steps' lengths and of their squares, and how many there are."""
    lengths = squares = np.zeros(())
    for axis in (0, 1):
        square = np.asarray(sum(np.diff(plane, axis=axis) ** 2 for plane in planes))
        shape = (side - 1, side) if axis == 0 else (side, side - 1)
        lengths, squares = lengths + _windows(np.sqrt(square), shape), squares + _windows(square, shape)
    return lengths, squares, 2 * side * (side - 1)


def _windows(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Sums over all windows of a shape that lie within."""
    whole = cv2.boxFilter(values, cv2.CV_64F, shape[::-1], normalize=False, borderType=cv2.BORDER_REFLECT)
    inner = (slice(k // 2, size - k + k // 2 + 1) for k, size in zip(shape, values.shape, strict=True))
    return np.asarray(whole[tuple(inner)])


def _sparsity(lengths: np.ndarray, squares: np.ndarray, count: int) -> np.ndarray:
    """The sparsity of steps; a window without any is as sparse as one with a single step."""
    there = squares > _STEPS
    safe = np.where(there, lengths, 1.0)
    return np.where(there, np.clip(count * squares / safe**2, 1.0, count), float(count))
