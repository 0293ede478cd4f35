"""`image.convert`: between sRGB-coded, linear and grey images."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Literal

import torch

from otframe.errors import DataError
from otframe.interfaces import Component, Transform
from otframe.values import Image

__all__ = ["Convert", "from_linear", "to_linear"]

_REC709 = (0.2126, 0.7152, 0.0722)


class Convert(Transform):
    """Convert between the spaces `srgb`, `linear` (light) and `gray` (sRGB-coded luminance).

    sRGB's transfer function is the piecewise one of IEC 61966-2-1, continued as an odd function below 0 and as it is
    above 1, so that it has an inverse everywhere [iec1999srgb]_. Grey is the Rec. 709 luminance `Y = .2126 R + .7152
    G + .0722 B`, computed of linear light and coded again: the grey that is as bright as the colour. From grey, all
    three channels are equal. Alpha and metadata are kept, except an ICC profile, which would describe the old space.
    `DataError` where the image is in another space, has not 1 or 3 channels, or is not finite.
    """

    references = ("iec1999srgb",)

    space: Literal["srgb", "linear", "gray"] = "srgb"
    """The space wanted."""

    @classmethod
    def examples(cls) -> list[Component]:
        """To each of the spaces."""
        return [cls(space="srgb"), cls(space="linear"), cls(space="gray")]

    def __call__(self, image: Image) -> Image:
        """The converted image; the image itself where it is in the space already."""
        if image.space not in ("srgb", "linear", "gray") or image.channels not in (1, 3):
            raise DataError(
                f"wanted 1 or 3 channels in space srgb, linear or gray, got {image.channels} in '{image.space}'",
                port="image",
            )
        if not torch.isfinite(image.pixels).all():
            raise DataError("the pixels must be finite, got NaN or infinity", port="image")
        wanted = 1 if self.space == "gray" else 3
        if image.space == self.space and image.channels == wanted:
            return image
        pixels = image.pixels
        coded = image.space != "linear"
        if image.channels > wanted:
            light = to_linear(pixels) if coded else pixels
            pixels, coded = torch.einsum("c,chw->hw", light.new_tensor(_REC709), light)[None], False
        if coded and self.space == "linear":
            pixels = to_linear(pixels)
        elif not coded and self.space != "linear":
            pixels = from_linear(pixels)
        meta = MappingProxyType({name: value for name, value in image.meta.items() if name != "icc"})
        return replace(image, pixels=pixels.expand(wanted, -1, -1).contiguous(), space=self.space, meta=meta)


def to_linear(coded: torch.Tensor) -> torch.Tensor:
    """Linear light of sRGB-coded values, any range."""
    size = coded.abs()
    light = torch.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    return torch.copysign(light, coded)


def from_linear(light: torch.Tensor) -> torch.Tensor:
    """sRGB-coded values of linear light, any range."""
    size = light.abs()
    coded = torch.where(size <= 0.0031308, size * 12.92, 1.055 * size ** (1 / 2.4) - 0.055)
    return torch.copysign(coded, light)
