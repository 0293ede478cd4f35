"""`scramble.frame`: pictures of one small square size."""

from __future__ import annotations

import torch
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Transform
from otframe.parts.convert import Convert
from otframe.values import Image
from otframe_unscramble.scrambling.opaque import opaque, renewed

__all__ = ["Frame"]


class Frame(Transform):
    """The central square of a picture, averaged down to `side` x `side` pixels.

    Each pixel of the result is the mean of the area that it covers, parts of pixels included; values are averaged as
    they are coded. Transparency is taken as black and alpha is dropped. Nothing is enlarged: a picture with a side
    shorter than `side` is a `DataError`, as it would have less detail than the others.
    """

    side: int = Parameter(default=56, ge=1, le=4096)
    """Height and width of the result in pixels."""

    grey: bool = False
    """Make it grey, as `image.convert` does."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Coloured and grey."""
        return [cls(side=8), cls(side=5, grey=True)]

    def __call__(self, image: Image) -> Image:
        """The small square picture `(C, side, side)`.

        Parameters
        ----------
        image : Image
            Any, both sides at least `side`, finite.
        """
        height, width = image.size
        short = min(height, width)
        if short < self.side:
            raise DataError(
                f"wanted a picture of at least {self.side} x {self.side} pixels, got {height} x {width}",
                hint="a smaller `side`; pictures are not enlarged",
                port="image",
            )
        image = renewed(image, opaque(image))
        if self.grey:
            image = Convert(space="gray")(image)
        top, left = (height - short) // 2, (width - short) // 2
        pixels = image.pixels[:, top : top + short, left : left + short]
        if short > self.side:
            means = _means(short, self.side).to(pixels)
            pixels = means @ pixels @ means.T
        return renewed(image, pixels.contiguous())


def _means(count: int, parts: int) -> torch.Tensor:
    """What averages `count` equal cells of a line over each of its `parts` equal parts: `(parts, count)`."""
    cells, bounds = torch.arange(count + 1) * parts, torch.arange(parts + 1) * count
    low = torch.maximum(cells[None, :-1], bounds[:-1, None])
    high = torch.minimum(cells[None, 1:], bounds[1:, None])
    return (high - low).clamp(min=0).double() / count
