"""From pixels to what a file format stores: its colour space, its channels, its integers; each loss gets a note."""

from __future__ import annotations

import numpy as np
import torch

from otframe.errors import OutputError
from otframe.values import Image

__all__ = ["clipped", "display", "planes", "scaled"]

_LEVELS = {"uint8": (255, np.uint8), "uint16": (65535, np.uint16)}


def display(image: Image, linear: bool) -> tuple[torch.Tensor, tuple[str, ...]]:
    """Pixels in the light of the format: linear for OpenEXR, display-coded (sRGB curve) for the others."""
    pixels = image.pixels.detach().to("cpu", torch.float32)
    if image.space not in ("srgb", "gray", "linear"):
        raise OutputError(f"an image in '{image.space}' cannot be written", hint="convert it to srgb first")
    if linear == (image.space == "linear"):
        return pixels, ()
    x = pixels
    if linear:
        out = torch.where(x <= 0.04045, x / 12.92, ((x.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)
        return out, ("converted from srgb to linear light",)
    out = torch.where(x <= 0.0031308, x * 12.92, 1.055 * x.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)
    return out, ("converted from linear light to srgb",)


def planes(image: Image, linear: bool, associated: bool) -> tuple[np.ndarray, tuple[str, ...]]:
    """`(H, W, C)` float32 with alpha last, C = 1 to 4, and notes. `OutputError` where values are not finite."""
    if image.channels not in (1, 3):
        raise OutputError(f"an image file has 1 or 3 colour channels, got {image.channels}")
    pixels, notes = display(image, linear)
    if image.alpha is not None:
        alpha = image.alpha.detach().to("cpu", torch.float32)
        pixels = torch.cat([pixels * alpha if associated else pixels, alpha[None]])
    array = pixels.permute(1, 2, 0).contiguous().numpy()
    if not np.isfinite(array.sum(dtype=np.float64)):  # one pass without a mask; the mask only to count
        bad = int(array.size - np.count_nonzero(np.isfinite(array)))
        raise OutputError(f"the image has {bad} values that are NaN or infinite, of {array.size}")
    return array, notes


def scaled(array: np.ndarray, depth: str) -> tuple[np.ndarray, int]:
    """Values as the format stores them, and how many were clipped; integers are rounded to nearest."""
    if depth not in _LEVELS:
        with np.errstate(over="ignore"):  # told below
            stored = array.astype(np.float16 if depth == "half" else np.float32)
        if not np.isfinite(stored).all():
            raise OutputError("values over 65504 do not fit half precision", hint="give the image depth 'float'")
        return stored, 0
    top, dtype = _LEVELS[depth]
    levels = array * np.float32(top)
    np.rint(levels, out=levels)
    if levels.min() >= 0 and levels.max() <= top:
        return levels.astype(dtype), 0
    outside = int(np.count_nonzero((levels < 0) | (levels > top)))
    return np.clip(levels, 0, top, out=levels).astype(dtype), outside


def clipped(outside: int, size: int) -> tuple[str, ...]:
    """The note on values that an integer format could not hold."""
    return (f"{outside} of {size} values were outside [0, 1] and were clipped",) if outside else ()
