"""`scramble.apply`: a picture seen through a scrambling medium by a camera with noise."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Context, Transform
from otframe.values import Image
from otframe_unscramble.scrambling.opaque import opaque, renewed
from otframe_unscramble.values import Scrambler

__all__ = ["ApplyScrambler"]


class ApplyScrambler(Transform):
    r"""A picture through a scrambling medium, as a camera takes it.

    .. math:: y = P(\textrm{gain} \; S x) + \textrm{noise} \; n

    with n standard normal, independent for each sample, and P the noise of counting photons where `photons` is given.
    Each channel goes through the same medium. Nothing is clipped: values may leave [0, 1]. Transparency is taken as
    black and alpha is dropped; space and metadata are kept. Noise is drawn from the run's seed, the node's name and
    the item's key.
    """

    references: ClassVar[tuple[str, ...]] = ("zhang2014sparkle", "bolle2022robust")

    noise: float = Parameter(default=0.0, ge=0.0)
    """Standard deviation of the additive Gaussian noise, in units of the pixels (1 is white)."""

    gain: float = Parameter(default=1.0, gt=0.0)
    """Exposure: what the scrambled picture is multiplied by before there is noise."""

    photons: float | None = Parameter(default=None, gt=0.0, le=1e12)
    """Photons that a value of 1 is made of: counts follow Poisson's law. No such noise where it is not given."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Without and with noise."""
        return [cls(), cls(noise=0.01, gain=0.8, photons=500.0)]

    def __call__(self, image: Image, scrambler: Scrambler, *, ctx: Context) -> Image:
        """The scrambled picture, of the size of the medium's sensor.

        Parameters
        ----------
        image : Image
            Of the size of the medium's scene, finite; with `photons` nowhere negative.
        scrambler : Scrambler
            The medium.
        """
        seen = self.gain * scrambler(opaque(image))
        if self.photons is not None:
            least = float(seen.min())
            if least < 0:
                raise DataError(
                    f"photons cannot be counted where light is negative, got {least:.3g}",
                    hint="leave `photons` out, or give a picture and a medium that are nowhere negative",
                    port="image",
                )
            counts = torch.poisson(seen.cpu().double() * self.photons, generator=ctx.rng)
            seen = (counts / self.photons).to(seen)
        if self.noise:
            seen = seen + self.noise * torch.randn(seen.shape, generator=ctx.rng).to(seen)
        return renewed(image, seen)
