"""What the parts of this plugin ask of their images."""

from __future__ import annotations

import torch

from otframe.errors import DataError
from otframe.values import Image

__all__ = ["finite", "same_shape"]


def finite(image: Image, port: str = "image") -> Image:
    """The image itself; `DataError` where a pixel is NaN or infinite: one would spread over a neighbourhood."""
    if not torch.isfinite(image.pixels).all():
        raise DataError("the pixels must be finite, got NaN or infinity", port=port)
    return image


def same_shape(**images: Image) -> None:
    """`DataError` naming the sizes where images differ in size or channels."""
    shapes = {name: tuple(image.pixels.shape) for name, image in images.items()}
    if len(set(shapes.values())) > 1:
        told = ", ".join(f"'{name}' is {c} x {h} x {w}" for name, (c, h, w) in shapes.items())
        raise DataError(f"images must agree in channels, height and width: {told}")
