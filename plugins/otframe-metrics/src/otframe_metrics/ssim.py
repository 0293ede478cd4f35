"""`metric.ssim`: structural similarity."""

from __future__ import annotations

from typing import ClassVar, Literal

import cv2
import numpy as np
import torch
from pydantic import Field

from otframe.errors import DataError
from otframe.values import Image, Scalar
from otframe_metrics.metric import Metric
from otframe_metrics.pairs import Channels, Mean, samples

__all__ = ["Ssim", "structural_similarity"]

_RADIUS = 5
_SIGMA = 1.5
_STRIP = 256
"""Rows computed at once: the working memory does not grow with the image's height."""


class Ssim(Metric):
    """Structural similarity with the authors' constants [wang2004image]_, averaged over positions, channels and images.

    Gaussian window of 11 x 11 pixels with sigma 1.5, K1 = .01, K2 = .03, population covariances, positions where the
    whole window fits: scikit-image's `structural_similarity(gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False)`. Alpha is not compared. `DataError` where a side is under 11 pixels, sizes or spaces
    differ, or pixels are not finite.
    """

    references = ("wang2004image",)
    label: ClassVar[str] = "SSIM"
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    peak: float = Field(default=1.0, gt=0)
    """The range of the samples, from black to white."""
    channels: Channels = "all"
    """Mean over all channels, or the BT.601 studio-range luma of colour images alone."""
    border: int = Field(default=0, ge=0)
    """Width in pixels of a frame that is left out."""

    @property
    def column(self) -> str:
        """`SSIM`, or `SSIM-Y` on luma."""
        return "SSIM-Y" if self.channels == "luma" else self.label

    def lift(self, image: Image, reference: Image) -> Mean:
        """The similarity of one pair."""
        a, b = samples(image, reference, self.channels, self.border)
        return Mean(structural_similarity(a, b, peak=self.peak))

    def merge(self, a: Mean, b: Mean) -> Mean:
        """The means of both sets."""
        return a + b

    def finish(self, s: Mean) -> Scalar:
        """The set's mean similarity, at most 1."""
        return self.value(s.mean)


def structural_similarity(a: torch.Tensor, b: torch.Tensor, *, peak: float = 1.0) -> float:
    """Mean structural similarity of two `(C, H, W)` in float64, strip by strip.

    Only the sum of both variances enters the formula, so that four blurs do instead of five.
    """
    height, width = a.shape[1:]
    if min(height, width) < 2 * _RADIUS + 1:
        raise DataError(f"structural similarity needs {2 * _RADIUS + 1} pixels along each side, got {height} x {width}")
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    total = 0.0
    for plane_a, plane_b in zip(a, b, strict=True):
        for top in range(0, height - 2 * _RADIUS, _STRIP):
            rows = slice(top, min(top + _STRIP, height - 2 * _RADIUS) + 2 * _RADIUS)
            x, y = _array(plane_a[rows]), _array(plane_b[rows])
            mean_x, mean_y = _blur(x), _blur(y)
            product, squares = mean_x * mean_y, mean_x**2 + mean_y**2
            variances = _blur(x * x + y * y) - squares
            covariance = _blur(x * y) - product
            ratio = ((2 * product + c1) * (2 * covariance + c2)) / ((squares + c1) * (variances + c2))
            total += float(ratio.sum())
    return total / (a.shape[0] * (height - 2 * _RADIUS) * (width - 2 * _RADIUS))


def _array(plane: torch.Tensor) -> np.ndarray:
    array: np.ndarray = plane.detach().cpu().double().numpy()
    return array


def _window() -> np.ndarray:
    x = np.arange(-_RADIUS, _RADIUS + 1)
    taps: np.ndarray = np.exp(-0.5 * (x / _SIGMA) ** 2)
    taps /= taps.sum()
    return taps


_TAPS = _window()


def _blur(plane: np.ndarray) -> np.ndarray:
    """The windowed mean at the positions where the whole window fits."""
    full = cv2.sepFilter2D(plane, cv2.CV_64F, _TAPS, _TAPS)
    inner: np.ndarray = full[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]
    return inner
