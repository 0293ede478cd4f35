"""Comparing an image with its reference: checks, and which samples are compared."""

from __future__ import annotations

import math
from typing import Literal

import torch

from otframe.errors import DataError
from otframe.values import Image

__all__ = ["Channels", "Mean", "check_pair", "samples"]

Channels = Literal["all", "luma"]
"""All channels, or the luma alone as in the super-resolution benchmarks."""

# Matlab's rgb2ycbcr: ITU-R BT.601 luma in the studio range 16 to 235, out of 255
_LUMA = (65.481 / 255, 128.553 / 255, 24.966 / 255)
_LUMA_OFFSET = 16 / 255


def check_pair(image: Image, reference: Image) -> None:
    """`DataError` where the two differ in size, channels or space, or a pixel is not finite."""
    if image.pixels.shape != reference.pixels.shape:
        raise DataError(
            f"image and reference must have the same size: the image has (C, H, W) = {tuple(image.pixels.shape)}, "
            f"the reference {tuple(reference.pixels.shape)}",
            hint="crop or resize one of them first; pairs are joined by key, so check the names too",
        )
    if image.space != reference.space:
        raise DataError(
            f"the image is in space '{image.space}', the reference in '{reference.space}'",
            hint="convert one of them first: image.convert",
        )
    for port, one in (("image", image), ("reference", reference)):
        if not torch.isfinite(one.pixels).all():
            raise DataError("the pixels must be finite, got NaN or infinity", port=port)


def samples(image: Image, reference: Image, channels: Channels, border: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The compared planes `(C, H, W)` of a checked pair, on the image's device, without a frame of `border` pixels."""
    check_pair(image, reference)
    if min(image.size) <= 2 * border:
        raise DataError(f"nothing is left of an image of size {image.size} without a border of {border} pixels")
    pair = (image.pixels, reference.pixels.to(image.pixels))
    if border:
        pair = (pair[0][:, border:-border, border:-border], pair[1][:, border:-border, border:-border])
    if channels == "luma" and image.channels == 3:
        return _luma(pair[0]), _luma(pair[1])
    return pair


def _luma(pixels: torch.Tensor) -> torch.Tensor:
    return torch.einsum("c,chw->hw", pixels.new_tensor(_LUMA), pixels)[None] + _LUMA_OFFSET


class Mean:
    """A running mean: the state of metrics that are averaged over images. Not changed once made."""

    __slots__ = ("count", "total")

    def __init__(self, total: float, count: int = 1) -> None:
        self.total = total
        self.count = count

    def __add__(self, other: Mean) -> Mean:
        return Mean(self.total + other.total, self.count + other.count)

    @property
    def mean(self) -> float:
        """The mean; infinite where any of the numbers is."""
        return self.total / self.count if math.isfinite(self.total) else self.total
