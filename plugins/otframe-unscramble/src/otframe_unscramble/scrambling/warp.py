"""`scramble.warp`: a picture displaced locally, smoothly and at random."""

from __future__ import annotations

import torch
from pydantic import Field as Parameter

from otframe.interfaces import Component, Context, Transform
from otframe.values import Image
from otframe_unscramble.scrambling.displace import Edge, warped
from otframe_unscramble.scrambling.field import smooth_field
from otframe_unscramble.scrambling.opaque import opaque, renewed

__all__ = ["Warp"]


class Warp(Transform):
    """A picture moved a little differently in each place: a lens that breathes, air that shimmers, paper that bends.

    Each pixel moves by a normal displacement, down and to the right, that varies smoothly: white noise behind a
    Gaussian filter of `scale` pixels. Points twice that far apart move almost independently. All channels move alike.
    Bilinear; transparency is taken as black and alpha is dropped. The displacement is drawn from the run's seed, the
    node's name and the item's key, and its root mean square in this picture is told in the metadata as `warp`.
    """

    amplitude: float = Parameter(default=1.0, ge=0.0, le=100.0)
    """Root mean square of the displacement along each axis, in pixels, over many pictures."""

    scale: float = Parameter(default=8.0, ge=0.0, le=256.0)
    """How far the displacement stays much the same: standard deviation of the filter in pixels."""

    edge: Edge = "zero"
    """What comes in at the borders: nothing, or the border's pixels again."""

    @classmethod
    def examples(cls) -> list[Component]:
        """With nothing outside, and with borders that go on."""
        return [cls(scale=3.0), cls(amplitude=0.5, scale=2.0, edge="replicate")]

    def __call__(self, image: Image, *, ctx: Context) -> Image:
        """The warped picture, of the same size.

        Parameters
        ----------
        image : Image
            Any, finite.
        """
        pixels = opaque(image)
        field = self.amplitude * smooth_field(image.size, self.scale, 2, ctx.rng)
        moved = warped(pixels[None], field[None].to(pixels.device), self.edge)[0]
        return renewed(image, moved, warp=float(torch.linalg.vector_norm(field)) / field.numel() ** 0.5)
