"""`degrade.downscale`: antialiased bicubic reduction, the degradation of the super-resolution benchmarks."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from otframe.interfaces import Component, Transform
from otframe.values import Image
from otframe_restore.checks import finite
from otframe_restore.resample import enlarge, reduce

__all__ = ["Downscale"]


class Downscale(Transform):
    """Reduce an image by a whole factor with a bicubic kernel widened by it, as Matlab's `imresize` [keys1981cubic]_.

    The result has `ceil(H / factor)` by `ceil(W / factor)` pixels; with `back` it is enlarged again by bicubic
    interpolation and cropped to the size it had. Works on the values as they are (sRGB-coded ones in the benchmarks),
    does not clip the slight overshoot, and keeps space and metadata. Alpha is reduced along, clipped to [0, 1]; with
    `back` it is untouched. `DataError` where a pixel is not finite.
    """

    references = ("keys1981cubic",)

    factor: Literal[2, 3, 4, 8] = 4
    """How many times fewer pixels along each axis."""
    back: bool = False
    """Enlarge again to the same size, for restorers that keep the size."""

    @classmethod
    def examples(cls) -> list[Component]:
        """A reduction, and one that is enlarged again."""
        return [cls(factor=2), cls(factor=3, back=True)]

    def __call__(self, image: Image) -> Image:
        """The reduced image, or the blurred one of the same size."""
        small = reduce(finite(image).pixels, self.factor)
        if self.back:
            height, width = image.size
            return image.with_grid(enlarge(small, self.factor)[:, :height, :width].contiguous())
        alpha = None if image.alpha is None else reduce(image.alpha[None], self.factor)[0].clamp(0, 1)
        return replace(image, pixels=small.contiguous(), alpha=alpha)
