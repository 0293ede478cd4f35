"""`segment.strokes`: scribbles drawn from coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import cv2
import numpy as np
import torch
from pydantic import Field as Parameter
from pydantic import field_validator

from otframe.interfaces import Component, Transform
from otframe.values import Image
from otframe_segment.values import COLOURS

__all__ = ["Strokes"]


class Strokes(Transform):
    """Draw scribbles as a drawing program would: coloured strokes on a transparent ground.

    A pipeline file shows itself on a sample photograph this way; a person draws.
    """

    strokes: Mapping[str, tuple[tuple[float, ...], ...]] = Parameter(
        default={"red": ((0.5, 0.45, 0.5, 0.55),), "blue": ((0.05, 0.05, 0.95, 0.05), (0.05, 0.95, 0.95, 0.95))}
    )
    """For each colour (red, blue, green, yellow, magenta, cyan, white) its strokes: `x0, y0, x1, y1, ...` along a line,
    as parts of the width and height, from 0 to 1."""

    width: float = Parameter(default=0.012, gt=0.0, le=1.0)
    """Width of the strokes, as a part of the image's longer side; a pixel at least."""

    @field_validator("strokes")
    @classmethod
    def _drawable(
        cls, strokes: Mapping[str, tuple[tuple[float, ...], ...]]
    ) -> Mapping[str, tuple[tuple[float, ...], ...]]:
        for colour, lines in strokes.items():
            if colour not in COLOURS:
                raise ValueError(f"'{colour}' is no colour of scribbles: {', '.join(COLOURS)}")
            for line in lines:
                if len(line) < 2 or len(line) % 2 or not all(0 <= number <= 1 for number in line):
                    raise ValueError(f"a stroke is x, y, x, y, ... from 0 to 1, got {line}")
        return strokes

    @classmethod
    def examples(cls) -> list[Component]:
        """Two regions, and three."""
        return [cls(), cls(strokes={"red": ((0.2, 0.2),), "blue": ((0.8, 0.2),), "green": ((0.5, 0.8, 0.6, 0.9),)})]

    def __call__(self, image: Image) -> Image:
        """The drawing, of the size of the image, with an alpha of 0 or 1. Nothing else of the image is looked at."""
        height, width = image.size
        thick = max(1, round(self.width * max(height, width)))
        drawn = np.full((height, width), -1, np.int16)
        for number, lines in enumerate(self.strokes.get(colour, ()) for colour in COLOURS):
            for line in lines:
                points = np.array(line).reshape(-1, 2) * (width - 1, height - 1)
                cv2.polylines(drawn, [np.rint(points).astype(np.int32)], False, number, thick)
                for point in np.rint(points[[0, -1]]).astype(int):
                    cv2.circle(drawn, [int(part) for part in point], thick // 2, number, -1)
        labels = torch.from_numpy(drawn.astype(np.int64)).to(image.pixels.device)
        table = image.pixels.new_tensor([*COLOURS.values(), (0.0, 0.0, 0.0)]).float()
        pixels = table.index_select(0, labels.reshape(-1) % len(table)).T.reshape(3, height, width)
        kept = {"stem": image.meta["stem"]} if "stem" in image.meta else {}
        return Image(pixels.contiguous(), (labels >= 0).float(), "srgb", MappingProxyType({**kept, "depth": "uint8"}))
