"""What scrambling and unscrambling ask of their pictures: finite, and nothing to see through."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import torch

from otframe.errors import DataError
from otframe.values import Image

__all__ = ["opaque", "renewed"]


def opaque(image: Image, port: str = "image") -> torch.Tensor:
    """The pixels `(C, H, W)`, float32, with transparency taken as black; `DataError` where one is not finite."""
    pixels = image.pixels.float()
    if not bool(torch.isfinite(pixels).all()):
        raise DataError("the pixels must be finite, got NaN or infinity", port=port)
    return pixels if image.alpha is None else pixels * image.alpha.to(pixels)


def renewed(image: Image, pixels: torch.Tensor, **told: Any) -> Image:
    """The image with other pixels and no alpha; what is told is added to its metadata."""
    return replace(image, pixels=pixels, alpha=None, meta=MappingProxyType({**image.meta, **told}))
