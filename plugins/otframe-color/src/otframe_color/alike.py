"""Checks that two images show the same thing, pixel by pixel."""

from __future__ import annotations

import torch

from otframe.errors import DataError
from otframe.values import Image

__all__ = ["check_alike", "check_finite"]


def check_alike(image: Image, moved: Image, port: str = "moved") -> None:
    """`DataError` unless both have one size and coding, as many channels or one, and finite pixels.

    A grey image counts as coded for displays: it may have become a colour image.
    """
    if image.size != moved.size:
        raise DataError(
            f"an image and its recoloured version have one size (H, W), got {image.size} and {moved.size}",
            hint="give the image that the other was made of, before any scaling or cropping",
            port=port,
        )
    if 1 not in (image.channels, moved.channels) and image.channels != moved.channels:
        raise DataError(
            f"wanted as many channels in both, or a grey image, got {image.channels} and {moved.channels}", port=port
        )
    spaces = {"srgb" if one.space == "gray" else one.space for one in (image, moved)}
    if len(spaces) != 1:
        raise DataError(
            f"both images must be in one space: got '{image.space}' and '{moved.space}'",
            hint="convert one of them first: image.convert",
            port=port,
        )
    check_finite(image, "image")
    check_finite(moved, port)


def check_finite(image: Image, port: str) -> None:
    """`DataError` where a pixel or alpha is NaN or infinite, or alpha is negative."""
    for name, part in (("pixels", image.pixels), ("alpha", image.alpha)):
        if part is not None and not bool(torch.isfinite(part).all()):
            raise DataError(f"the {name} must be finite, got NaN or infinity", port=port)
    if image.alpha is not None and bool((image.alpha < 0).any()):
        raise DataError("alpha is not negative, got less than 0", port=port)
