"""`scramble.crop`: many small pictures of few photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

import torch
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Context, Transform
from otframe.values import Draw, Image
from otframe_unscramble.scrambling.frame import Frame
from otframe_unscramble.scrambling.opaque import opaque

__all__ = ["Crop"]


class Crop(Transform):
    """A random square of a random photograph, averaged down to `side` x `side` pixels.

    For simulated calibrations, which need more pictures than there are photographs at hand. A photograph is as likely
    as any other, its squares' sides are uniform in their logarithm from `side` pixels to `zoom` times that, or to what
    the photograph has, and half of them are mirrored. Nothing is enlarged. All is drawn from the run's seed, the
    node's name and the item's key; the metadata tells `crop`, a tuple of the photograph's number, the square's top,
    left and side, and `mirrored`. Transparency is taken as black and alpha is dropped.
    """

    side: int = Parameter(default=56, ge=1, le=4096)
    """Height and width of the result in pixels."""

    zoom: float = Parameter(default=4.0, ge=1.0)
    """The largest squares have a side of so many times `side`."""

    grey: bool = False
    """Make them grey, as `image.convert` does."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Coloured and averaged; grey, as the photographs have it."""
        return [cls(side=5), cls(side=8, zoom=1.0, grey=True)]

    def __call__(self, photos: Sequence[Image], draw: Draw, *, ctx: Context) -> Image:
        """One small picture `(C, side, side)`.

        Parameters
        ----------
        photos : sequence of Image
            At least one, all sides at least `side`, finite.
        draw : Draw
            One of a stream, that gives as many pictures as it has draws. What is drawn follows the key.

        Raises
        ------
        DataError
            There is no photograph, or one is too small or not finite.
        """
        if not photos:
            raise DataError("there is no photograph to take a picture from", port="photos")
        small = min(photos, key=lambda photo: min(photo.size))
        if min(small.size) < self.side:
            raise DataError(
                f"wanted photographs of at least {self.side} x {self.side} pixels, "
                f"one is {small.size[0]} x {small.size[1]}",
                hint="a smaller `side`; pictures are not enlarged",
                port="photos",
            )
        which, size, down, right, turn = torch.rand(5, generator=ctx.rng, dtype=torch.float64)
        number = int(float(which) * len(photos))
        photo = photos[number]
        most = min(float(min(photo.size)), self.zoom * self.side)
        side = min(int(self.side * (most / self.side) ** float(size) + 0.5), min(photo.size))
        top, left = (
            int(float(part) * (whole - side + 1)) for part, whole in zip((down, right), photo.size, strict=True)
        )
        mirrored = float(turn) < 0.5
        pixels = opaque(photo, "photos")[:, top : top + side, left : left + side]
        told = {"crop": (number, top, left, side), "mirrored": mirrored}
        meta = MappingProxyType({**photo.meta, **told, "stem": ctx.key or photo.meta.get("stem", "")})
        square = replace(photo, pixels=pixels.flip(2) if mirrored else pixels, alpha=None, meta=meta)
        return Frame(side=self.side, grey=self.grey)(square)
