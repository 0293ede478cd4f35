"""`restore.lowpass`: keep the low frequencies of a guide."""

from __future__ import annotations

from pydantic import Field

from otframe.interfaces import Transform
from otframe.values import Image
from otframe_restore.checks import finite, same_shape
from otframe_restore.filters import blur

__all__ = ["LowPass"]


class LowPass(Transform):
    """Replace the low frequencies of an image by a guide's: `y = x - G x + G guide`, G a Gaussian blur.

    A restorer is reliable at low frequencies and a transport at high ones; this joins the two. Computed as
    `x + G(guide - x)`, with reflected borders. Alpha, space and metadata are the image's. `DataError` where the shapes
    differ or a pixel is not finite.
    """

    sigma: float = Field(default=3.0, gt=0, le=100)
    """Standard deviation of the blur in pixels: what is coarser comes from the guide."""

    def __call__(self, image: Image, guide: Image) -> Image:
        """The image with the guide's low frequencies; values may leave [0, 1]."""
        same_shape(image=finite(image), guide=finite(guide, "guide"))
        return image.with_grid(image.pixels + blur(guide.pixels.to(image.pixels) - image.pixels, self.sigma))
