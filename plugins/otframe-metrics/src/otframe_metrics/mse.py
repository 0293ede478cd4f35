"""`metric.mse`: mean squared error."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field

from otframe.values import Image, Scalar
from otframe_metrics.metric import Metric
from otframe_metrics.pairs import Channels, Mean, samples

__all__ = ["Mse"]


class Mse(Metric):
    """Mean squared error, averaged over the images: finite where pictures are equal, and ruled by the worst ones.

    Alpha is not compared. Values outside [0, 1] count as they are.
    """

    label: ClassVar[str] = "MSE"
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    channels: Channels = "all"
    """Compare all channels, or the BT.601 studio-range luma of colour images."""
    border: int = Field(default=0, ge=0)
    """Width in pixels of a frame that is left out."""

    @property
    def column(self) -> str:
        """`MSE`, or `MSE-Y` on luma."""
        return "MSE-Y" if self.channels == "luma" else self.label

    def lift(self, image: Image, reference: Image) -> Mean:
        """The error of one pair; `DataError` where sizes or spaces differ or pixels are not finite."""
        a, b = samples(image, reference, self.channels, self.border)
        return Mean(float((a - b).square().mean(dtype=torch.float64)))

    def merge(self, a: Mean, b: Mean) -> Mean:
        """The means of both sets."""
        return a + b

    def finish(self, s: Mean) -> Scalar:
        """The set's mean squared error."""
        return self.value(s.mean)
