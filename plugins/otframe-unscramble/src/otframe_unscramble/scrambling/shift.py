"""`scramble.shift`: a picture displaced a little, as a calibration sees it."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field as Parameter

from otframe.interfaces import Component, Context, Transform
from otframe.values import Image
from otframe_unscramble.scrambling.displace import Edge, Interpolation, shifted
from otframe_unscramble.scrambling.opaque import opaque, renewed

__all__ = ["Shift"]


class Shift(Transform):
    """A picture moved by a random shift, normal with the same spread down and to the right.

    As in the published experiments, where each channel has a shift of its own [bolle2022robust]_. The shift is drawn
    from the run's seed, the node's name and the item's key, and told in the metadata: `shift` holds a tuple
    `(down, right)` in pixels for each channel. Transparency is taken as black and alpha is dropped. Cubic and Fourier
    interpolation overshoot at edges; nothing is clipped.
    """

    references: ClassVar[tuple[str, ...]] = ("bolle2022robust",)

    spread: float = Parameter(default=1.0, ge=0.0, le=100.0)
    """Standard deviation of the shift along each axis, in pixels."""

    each: Literal["channel", "image"] = "channel"
    """What has a shift of its own."""

    interpolation: Interpolation = "linear"
    """Between pixels: bilinear (blurs, as published), Keys' cubic, or Fourier phases (keeps all detail, may ring)."""

    edge: Edge = "zero"
    """What comes in at the borders: nothing, or the border's pixels again."""

    @classmethod
    def examples(cls) -> list[Component]:
        """As published, and one shift by phases."""
        return [cls(), cls(spread=0.5, each="image", interpolation="fourier", edge="replicate"), cls(spread=0.0)]

    def __call__(self, image: Image, *, ctx: Context) -> Image:
        """The displaced picture, of the same size.

        Parameters
        ----------
        image : Image
            Any, finite.
        """
        pixels = opaque(image)
        count = image.channels if self.each == "channel" else 1
        drawn = self.spread * torch.randn(count, 2, generator=ctx.rng, dtype=torch.float64)
        steps = drawn.expand(image.channels, 2)
        moved = shifted(pixels[None], steps[None], self.interpolation, self.edge)[0]
        return renewed(image, moved, shift=tuple((float(down), float(right)) for down, right in steps))
