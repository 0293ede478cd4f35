"""Pixels as colours: what images the plugin takes, and how their values are coded."""

from __future__ import annotations

import torch

from otframe.errors import DataError
from otframe.values import Image
from otframe_color.spaces import Coding

__all__ = ["coding_of", "finite", "planes_of"]


def coding_of(image: Image, port: str = "image") -> Coding:
    """How an image's values are coded; `DataError` where it is in another space, or has not 1 or 3 channels."""
    if image.space not in ("srgb", "linear", "gray") or image.channels not in (1, 3):
        raise DataError(
            f"wanted 1 or 3 channels in space srgb, linear or gray, got {image.channels} in '{image.space}'",
            hint="convert it first: image.convert",
            port=port,
        )
    return "linear" if image.space == "linear" else "srgb"


def planes_of(image: Image) -> torch.Tensor:
    """The colours, shape `(3, n)`; grey is the same in all three."""
    planes = image.pixels.flatten(1)
    return planes if len(planes) == 3 else planes.expand(3, -1)


def finite(image: Image, port: str = "image") -> None:
    """`DataError` where a pixel is NaN or infinite."""
    # a sum is finite unless something is not, or it overflows: only then is each looked at
    if not bool(torch.isfinite(image.pixels.sum())) and not bool(torch.isfinite(image.pixels).all()):
        bad = int((~torch.isfinite(image.pixels)).sum())
        raise DataError(
            f"the pixels must be finite, got {bad} values that are NaN or infinite, of {image.pixels.numel()}",
            port=port,
        )
