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


_FINE = 4.0
"""Pixels across half a line that are enough to draw it."""


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
            shown = torch.lerp(shown, torch.zeros_like(shown), 0.6 * _band(segmentation.labels, width + 1))
            shown = torch.lerp(shown, torch.ones_like(shown), _band(segmentation.labels, 0.5 * width))
        meta = {name: value for name, value in image.meta.items() if name != "icc"}
        return replace(image, pixels=shown, space="srgb", meta=MappingProxyType(meta))


def _band(labels: torch.Tensor, reach: float) -> torch.Tensor:
    """Pixels within reach of a boundary, with soft ends, `(H, W)` in [0, 1]."""
    size = labels.shape
    step = max(1, int(reach / _FINE))  # a wide line needs no pixel of its own
    labels = labels[::step, ::step]
    edge = torch.zeros_like(labels, dtype=torch.float32)
    across, down = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    for part, found in ((edge[:, 1:], across), (edge[:, :-1], across), (edge[1:], down), (edge[:-1], down)):
        part += found
    edge = (edge > 0).float()[None]
    for turn in range(max(0, round(reach / step) - 1)):
        # a square and a cross in turn grow an octagon
        if turn % 2:
            edge = F.max_pool2d(edge, 3, 1, 1)
        else:
            edge = torch.maximum(F.max_pool2d(edge, (1, 3), 1, (0, 1)), F.max_pool2d(edge, (3, 1), 1, (1, 0)))
    edge = F.avg_pool2d(F.pad(edge[None], (1, 1, 1, 1), mode="replicate"), 3, 1)
    return edge[0, 0] if step == 1 else F.interpolate(edge, size=size, mode="bilinear", align_corners=False)[0, 0]
