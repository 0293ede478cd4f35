"""`segment.overlay`: the photograph with tinted regions and their contours."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import torch
import torch.nn.functional as F
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Transform
from otframe.values import Image
from otframe_segment.features import checked
from otframe_segment.values import Segmentation

__all__ = ["Overlay"]

_TINTS = (
    (0.95, 0.30, 0.24),
    (0.18, 0.44, 0.92),
    (0.20, 0.72, 0.36),
    (0.97, 0.77, 0.16),
    (0.78, 0.32, 0.84),
    (0.16, 0.74, 0.80),
    (0.92, 0.92, 0.92),
)


class Overlay(Transform):
    """Show the regions on the photograph: each is tinted with a colour of its own, and a light line parts them.

    The colours are those of scribbles, softened: red, blue, green, yellow, magenta, cyan, white. Of two regions the
    second, the background, is greyed and darkened instead.
    """

    strength: float = Parameter(default=0.35, ge=0.0, le=1.0)
    """How much of the tint there is in a region."""

    line: float = Parameter(default=0.005, ge=0.0, le=0.1)
    """Width of the contours, as a part of the longer side; 0 for none."""

    @classmethod
    def examples(cls) -> list[Component]:
        """The default, and contours alone."""
        return [cls(), cls(strength=0.0, line=0.02)]

    def __call__(self, image: Image, segmentation: Segmentation) -> Image:
        """The picture in srgb, of the image's size; its alpha is kept.

        `DataError` where sizes differ, or the image is not finite.
        """
        checked(image, "image")
        if image.size != segmentation.size:
            raise DataError(f"the image has the size {image.size}, its segmentation {segmentation.size}")
        pixels = image.pixels.float().clamp(0, 1)
        if image.space == "linear":
            pixels = pixels.pow(1 / 2.2)  # a picture for people, not a measurement
        pixels = pixels.expand(3, -1, -1)
        count = len(segmentation.names)
        grey = pixels.mean(0, keepdim=True).expand(3, -1, -1)
        shown = torch.zeros_like(pixels)
        for number in range(count):
            tint = pixels.new_tensor(_TINTS[number % len(_TINTS)])[:, None, None]
            if count == 2 and number == 1:
                part = torch.lerp(pixels, 0.45 * grey, min(1.0, 2 * self.strength))
            else:
                part = torch.lerp(pixels, (0.35 + 0.65 * grey) * tint, self.strength)
            shown = torch.where(segmentation.labels == number, part, shown)
        if self.line > 0:
            width = self.line * max(image.size)
            labels = segmentation.labels
            shown = torch.lerp(shown, torch.zeros_like(shown), 0.6 * _band(labels, 1.0 * width + 1))
            shown = torch.lerp(shown, torch.ones_like(shown), _band(labels, 0.5 * width))
        meta = {name: value for name, value in image.meta.items() if name != "icc"}
        return replace(image, pixels=shown, space="srgb", meta=MappingProxyType(meta))


def _band(labels: torch.Tensor, reach: float) -> torch.Tensor:
    """Pixels within reach of a boundary, with soft ends, `(H, W)` in [0, 1]."""
    edge = torch.zeros_like(labels, dtype=torch.float32)
    across, down = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    edge[:, 1:] += across
    edge[:, :-1] += across
    edge[1:] += down
    edge[:-1] += down
    edge = (edge > 0).float()
    for _ in range(max(0, round(reach) - 1)):
        # a cross and a square in turn grow an octagon
        square = _ % 2 == 1
        grown = F.max_pool2d(edge[None], 3, 1, 1)[0] if square else _crossed(edge)
        edge = grown
    padded = F.pad(edge[None, None], (1, 1, 1, 1), mode="replicate")
    return F.avg_pool2d(padded, 3, 1)[0, 0]


def _crossed(edge: torch.Tensor) -> torch.Tensor:
    across = F.max_pool2d(edge[None], (1, 3), 1, (0, 1))[0]
    return torch.maximum(across, F.max_pool2d(edge[None], (3, 1), 1, (1, 0))[0])
