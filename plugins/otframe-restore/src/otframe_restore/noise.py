"""`degrade.noise`: additive white Gaussian noise."""

from __future__ import annotations

import torch
from pydantic import Field

from otframe.interfaces import Component, Context, Transform
from otframe.values import Image
from otframe_restore.checks import finite

__all__ = ["Noise"]


class Noise(Transform):
    """Add white Gaussian noise: `y = x + (sigma / 255) n`, n standard normal and independent between samples.

    The noise is drawn on the CPU from the run's seed, the node and the item's key: the same on every device. Alpha,
    space and metadata are kept. `DataError` where a pixel is not finite.
    """

    sigma: float = Field(default=25.0, ge=0)
    """Standard deviation in 8-bit levels (0 to 255)."""
    gray: bool = False
    """Draw one noise plane for all channels instead of one for each."""
    clip: bool = False
    """Clip the result to [0, 1], as a camera does. Off by default: then the noise keeps its mean and its law."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Colour noise, and clipped grey noise."""
        return [cls(), cls(sigma=50, gray=True, clip=True)]

    def __call__(self, image: Image, *, ctx: Context) -> Image:
        """The noisy image, of the same shape."""
        pixels = finite(image).pixels
        shape = (1 if self.gray else image.channels, *image.size)
        noise = torch.randn(shape, generator=ctx.rng, dtype=torch.float32).to(pixels)
        noisy = pixels + noise * (self.sigma / 255)
        return image.with_grid(noisy.clamp(0, 1) if self.clip else noisy)
