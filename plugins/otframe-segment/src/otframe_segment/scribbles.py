"""`segment.scribbles`: a drawing read as scribbles, a region for each colour."""

from __future__ import annotations

import torch
from pydantic import Field as Parameter
from pydantic import field_validator

from otframe.errors import DataError
from otframe.interfaces import Component, Transform
from otframe.values import Image
from otframe_segment.values import COLOURS, Scribbles

__all__ = ["ReadScribbles"]


class ReadScribbles(Transform):
    """Read strokes of pure colours on a transparent, black or grey ground.

    A pixel is of a stroke where its alpha is over one half and it is colourful, or white; which colour it has is told
    by the channels above half of its largest, so that strokes may be soft, dark or out of a JPEG file. Regions are the
    colours that are found, in the order red, blue, green, yellow, magenta, cyan, white. `DataError` where there is no
    stroke, or something is not finite.
    """

    names: tuple[str, ...] = ("object", "background")
    """Names of the regions drawn in red, blue, ...; those beyond are named by their colour."""

    chroma: float = Parameter(default=0.4, gt=0.0, lt=1.0)
    """How far the largest channel of a stroke is above the smallest, at least."""

    @field_validator("names")
    @classmethod
    def _own(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = [*names, *list(COLOURS)[len(names) :]]
        if len(set(known)) != len(COLOURS) or not all(names):
            raise ValueError(f"wanted at most {len(COLOURS)} different names, and none of a colour beyond them")
        return names

    @classmethod
    def examples(cls) -> list[Component]:
        """The default, and other names."""
        return [cls(), cls(names=("sky", "sea", "land"))]

    def __call__(self, drawing: Image) -> Scribbles:
        """The scribbles, of the drawing's size."""
        pixels = drawing.pixels
        if not bool(torch.isfinite(pixels).all()):
            raise DataError("the pixels must be finite, got NaN or infinity", port="drawing")
        if pixels.shape[0] == 1:
            pixels = pixels.expand(3, -1, -1)
        if pixels.shape[0] != 3:
            raise DataError(f"wanted a drawing of 1 or 3 channels, got {pixels.shape[0]}", port="drawing")
        high, low = pixels.amax(0), pixels.amin(0)
        stroke = ((high - low) > self.chroma) | (low > 0.85)
        if drawing.alpha is not None:
            stroke = stroke & (drawing.alpha > 0.5)
        on = (pixels > 0.5 * high).long()
        code = on[0] * 4 + on[1] * 2 + on[2]
        labels = torch.full_like(code, -1)
        names: list[str] = []
        known = [*self.names, *list(COLOURS)[len(self.names) :]]
        for name, (red, green, blue) in zip(known, COLOURS.values(), strict=True):
            own = stroke & (code == int(red * 4 + green * 2 + blue))
            if bool(own.any()):
                labels = torch.where(own, len(names), labels)
                names.append(name)
        if not names:
            raise DataError(
                "there is no stroke in the drawing: no pixel is both opaque and of a pure colour",
                port="drawing",
                hint=f"draw each region in one of {', '.join(COLOURS)}, on a transparent or black ground",
            )
        return Scribbles(labels, tuple(names))
