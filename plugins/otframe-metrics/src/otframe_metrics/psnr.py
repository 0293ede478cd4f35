"""`metric.psnr`: peak signal-to-noise ratio."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from pydantic import Field

from otframe.values import Image, Scalar
from otframe_metrics.metric import Metric
from otframe_metrics.pairs import Channels, samples

__all__ = ["ErrorSums", "Psnr"]


@dataclass(frozen=True)
class ErrorSums:
    """What the mean over images and the one over pixels need."""

    images: int
    ratios: float
    """Sum of the images' PSNR."""
    samples: int
    squares: float
    """Sum of squared errors."""


class Psnr(Metric):
    """Peak signal-to-noise ratio, `10 log10(peak^2 / MSE)` in dB, averaged over the images as the field reports it.

    Alpha is not compared. Values outside [0, 1] count as they are: clip what would be clipped on writing. The PSNR of
    equal images is infinite, and so is then the mean; a table shows the text `inf`.
    """

    label: ClassVar[str] = "PSNR"
    unit: ClassVar[str] = "dB"
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    peak: float = Field(default=1.0, gt=0)
    """The largest value that samples are meant to have."""
    channels: Channels = "all"
    """Compare all channels, or the BT.601 studio-range luma of colour images, as super-resolution papers do."""
    border: int = Field(default=0, ge=0)
    """Width in pixels of a frame that is left out, as many papers leave out as many pixels as the scale."""
    pool: Literal["images", "pixels"] = "images"
    """Mean of the images' PSNR, or PSNR of the mean squared error over all pixels of all images."""

    @property
    def column(self) -> str:
        """`PSNR (dB)`, or `PSNR-Y (dB)` on luma."""
        return super().column.replace("PSNR", "PSNR-Y" if self.channels == "luma" else "PSNR")

    def lift(self, image: Image, reference: Image) -> ErrorSums:
        """The error of one pair; `DataError` where sizes or spaces differ or pixels are not finite."""
        a, b = samples(image, reference, self.channels, self.border)
        squares = float((a - b).square().sum(dtype=torch.float64))
        return ErrorSums(1, self._ratio(squares / a.numel()), a.numel(), squares)

    def merge(self, a: ErrorSums, b: ErrorSums) -> ErrorSums:
        """The errors of both sets."""
        return ErrorSums(a.images + b.images, a.ratios + b.ratios, a.samples + b.samples, a.squares + b.squares)

    def finish(self, s: ErrorSums) -> Scalar:
        """The set's PSNR in dB."""
        return self.value(s.ratios / s.images if self.pool == "images" else self._ratio(s.squares / s.samples))

    def _ratio(self, mse: float) -> float:
        return 10 * math.log10(self.peak**2 / mse) if mse > 0 else math.inf
