"""`image.blend`: a weighted mean of two images."""

from __future__ import annotations

import torch

from otframe.errors import DataError
from otframe.interfaces import Transform
from otframe.values import Image

__all__ = ["Blend"]


class Blend(Transform):
    """Blend two images: `(1 - weight) a + weight b`, a sample at a time, in the space they are in.

    The weight may lie outside [0, 1], which extrapolates; nothing is clipped. With weight 0 the result is `a` and
    with weight 1 it is `b`, bit for bit. Alpha, space and metadata are those of `a`. `DataError` where sizes,
    channels or spaces differ, or the weight is not finite.
    """

    def __call__(self, a: Image, b: Image, weight: float) -> Image:
        """The blend, of the shape of both."""
        if a.pixels.shape != b.pixels.shape:
            raise DataError(
                f"images to blend must have the same size: a has (C, H, W) = {tuple(a.pixels.shape)}, "
                f"b {tuple(b.pixels.shape)}"
            )
        if a.space != b.space:
            raise DataError(
                f"images to blend must share a space: a is '{a.space}', b is '{b.space}'",
                hint="convert one of them first: image.convert",
            )
        number = float(weight)  # a Scalar may be wired here
        if not -float("inf") < number < float("inf"):
            raise DataError(f"the weight must be finite, got {number}", port="weight")
        return a.with_grid(_mix(a.pixels, b.pixels.to(a.pixels), number))


def _mix(a: torch.Tensor, b: torch.Tensor, weight: float) -> torch.Tensor:
    # a + w (b - a) would not give b exactly at w = 1
    return (a * (1 - weight)).add_(b * weight)  # in place: one image less in memory
