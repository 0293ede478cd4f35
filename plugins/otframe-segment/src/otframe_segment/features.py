"""What a pixel is described by: its colour in Oklab, and how much the lightness around it varies."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from otframe.errors import DataError
from otframe.parts.convert import to_linear
from otframe.values import Image

__all__ = ["checked", "described", "oklab"]

_LMS = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


_CHROMA = 2.0
"""Differences of colour are of objects more often than those of lightness, which are of light and shade too."""


def checked(image: Image, port: str) -> Image:
    """The image, if it can be described: `DataError` where it is not finite or in a space that is not known."""
    if image.space not in ("srgb", "linear", "gray") or image.channels not in (1, 3):
        raise DataError(
            f"wanted 1 or 3 channels in space srgb, linear or gray, got {image.channels} in '{image.space}'",
            port=port,
            hint="convert it first: image.convert",
        )
    if not bool(torch.isfinite(image.pixels).all()):
        raise DataError("the pixels must be finite, got NaN or infinity", port=port)
    return image


def oklab(image: Image) -> torch.Tensor:
    """Lightness, green to red and blue to yellow, `(3, H, W)` float32, of a perceptually even space."""
    light = image.pixels.float()
    light = light if image.space == "linear" else to_linear(light)
    if light.shape[0] == 1:
        light = light.expand(3, -1, -1)
    roots = _mixed(light.clamp(min=0), _LMS).pow(1 / 3)
    return _mixed(roots, _LAB)


def described(image: Image, texture: float) -> torch.Tensor:
    """Oklab with doubled colour axes and, weighted, the local contrast of the lightness, `(3 or 4, H, W)` float32."""
    lab = oklab(image)
    lab = torch.cat([lab[:1], _CHROMA * lab[1:]])
    if texture == 0:
        return lab
    return torch.cat([lab, texture * contrast(lab[:1])])


def contrast(light: torch.Tensor, reach: int = 3) -> torch.Tensor:
    """The standard deviation in windows of 7 x 7 pixels, smoothed once more, `(1, H, W)`."""
    mean = _boxed(light, reach)
    spread = (_boxed(light.square(), reach) - mean.square()).clamp(min=0).sqrt()
    return _boxed(spread, reach)


def _boxed(planes: torch.Tensor, reach: int) -> torch.Tensor:
    padded = F.pad(planes[None], (reach,) * 4, mode="replicate")
    return F.avg_pool2d(padded, 2 * reach + 1, stride=1)[0]


def _mixed(planes: torch.Tensor, matrix: tuple[tuple[float, ...], ...]) -> torch.Tensor:
    return torch.einsum("ij,jhw->ihw", planes.new_tensor(matrix), planes)
