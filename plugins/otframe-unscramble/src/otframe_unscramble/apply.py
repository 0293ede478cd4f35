"""`unscramble.apply`: a new scrambled picture, recovered."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import ClassVar

from pydantic import Field as Parameter

from otframe.interfaces import Component, Context, Transform
from otframe.values import Image
from otframe_unscramble.displaced import find
from otframe_unscramble.scrambling.opaque import opaque
from otframe_unscramble.sharpen import sharpened
from otframe_unscramble.values import Unscrambler

__all__ = ["ApplyUnscrambler"]


class ApplyUnscrambler(Transform):
    """A scrambled picture through the learnt operator, channel by channel [zhang2014sparkle]_.

    The camera may have moved a little since the calibration: `search` finds how far, by which displacement gives the
    most picture-like result, and `meta` then tells it as `moved_down` and `moved_right`, px. What the operator leaves
    blurred, `deblur` sharpens. Colour space and `meta` stay; transparency is taken as black and not kept.
    """

    references: ClassVar[tuple[str, ...]] = ("zhang2014sparkle",)

    search: float = Parameter(default=0.0, ge=0.0, le=16.0)
    """How many px, down and right, the scrambled picture may have moved against the calibration. It costs some
    `(2 search + 1)^2 + 100` applications. Fractions of a pixel are found as well as the scrambled picture, which is
    mostly noise, can be interpolated."""

    deblur: float = Parameter(default=0.0, ge=0.0, le=10.0)
    """Standard deviation, px, of a Gaussian blur of the recovered picture that is to be undone. For media that
    blur: least squares is as sharp as its errors allow, and loses by more (some 0.2 dB at 0.5 px)."""

    noise: float = Parameter(default=0.05, gt=0.0, le=10.0)
    """What `deblur` takes the noise to be, relative to the picture's contrast: the more, the less is sharpened."""

    clip: bool = True
    """Clip to [0, 1], the display range: what calibration pictures are, and what least squares overshoots. Turn it off
    for linear light of high dynamic range, and to see what the operator does."""

    @classmethod
    def examples(cls) -> list[Component]:
        """The operator alone, and all that helps it."""
        return [cls(), cls(search=1.5, deblur=0.7, clip=False)]

    def __call__(self, image: Image, operator: Unscrambler, *, ctx: Context) -> Image:
        """Recover one picture.

        Parameters
        ----------
        image : Image
            Of the size of the calibration's scrambled pictures, any number of channels, finite.
        operator : Unscrambler
            What was learnt.

        Raises
        ------
        DataError
            It is of another size, or not finite.
        """
        plane, meta = opaque(image), dict(image.meta)
        if self.search > 0 and tuple(plane.shape[-2:]) == tuple(operator.source):
            found = find(plane, operator, self.search)
            pixels = found.picture
            meta |= {"moved_down": found.moved[0], "moved_right": found.moved[1]}
        else:
            pixels = operator(plane)
        ctx.check_cancelled()
        if self.deblur > 0:
            pixels = sharpened(pixels, self.deblur, self.noise)
        if self.clip:
            pixels = pixels.clamp(0, 1)
        return replace(image, pixels=pixels, alpha=None, meta=MappingProxyType(meta))
