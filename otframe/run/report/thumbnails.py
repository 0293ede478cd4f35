"""Pictures small enough to be embedded in a page."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import numpy as np

from otframe.values import Image

__all__ = ["Thumbnail", "thumbnail"]

_LOSSLESS = 160
_QUALITY = 88


@dataclass(frozen=True)
class Thumbnail:
    """A picture as a data URI, with the size of the embedded and of the whole picture."""

    uri: str
    width: int
    height: int
    full_width: int
    full_height: int


def thumbnail(image: Image, longest: int = 900) -> Thumbnail:
    """The image at most `longest` pixels wide or high, clipped to the display range, as WebP; alpha is kept.

    Very small images are embedded without loss, as PNG.
    """
    pixels = image.numpy()
    height, width, channels = pixels.shape
    colours = channels - (image.alpha is not None)
    alpha = pixels[..., colours:]
    colour = np.clip(pixels[..., :colours], 0.0, 1.0)
    if image.space == "linear":
        colour = _coded(colour)
    colour = colour[..., ::-1] if colours == 3 else colour[..., :1].repeat(3, axis=2)
    shown = np.ascontiguousarray(np.concatenate([colour, np.clip(alpha, 0.0, 1.0)], axis=2), dtype=np.float32)
    scale = min(1.0, longest / max(height, width))
    if scale < 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        shown = np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
    eight = np.rint(shown * 255).astype(np.uint8)
    small = max(eight.shape[:2]) <= _LOSSLESS
    kind, settings = ("png", []) if small else ("webp", [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
    done, data = cv2.imencode(f".{kind}", eight, settings)
    if not done:
        raise ValueError(f"a picture of {width} x {height} could not be encoded as {kind}")
    uri = f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode('ascii')}"
    return Thumbnail(uri, eight.shape[1], eight.shape[0], width, height)


def _coded(light: np.ndarray) -> np.ndarray:
    """The sRGB code of linear light."""
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, 1 / 2.4) - 0.055)
    return coded.astype(np.float32)
