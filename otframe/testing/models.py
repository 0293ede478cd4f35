"""Models without weights, for components that take one on a port: an exact autoencoder and a smoothing restorer."""

from __future__ import annotations

import torch
from torch.nn import functional

from otframe.errors import DataError
from otframe.interfaces import Autoencoder, Restorer, verb
from otframe.values import Image, Latent

__all__ = ["STRIDE", "BlurRestorer", "CellAutoencoder"]

STRIDE = 2


class CellAutoencoder(Autoencoder):
    """Means of 2 x 2 cells and their repetition: the latent has the image's channels."""

    def load(self, device: torch.device, dtype: torch.dtype) -> int:
        """The side of a cell."""
        return STRIDE

    @verb
    def encode(self, image: Image, *, net: int = STRIDE) -> Latent:
        """Means of the cells; an odd side is padded by its edge."""
        _finite(image.pixels)
        height, width = image.size
        padded = functional.pad(image.pixels[None], (0, -width % net, 0, -height % net), mode="replicate")
        values = functional.avg_pool2d(padded, net)[0]
        return Latent(values, net, image.size, image.channels, image.space, image.alpha, image.meta)

    @verb
    def decode(self, latent: Latent, *, net: int = STRIDE) -> Image:
        """Each mean over its cell, cropped to the image's size."""
        _finite(latent.values)
        planes = latent.values.repeat_interleave(net, 1).repeat_interleave(net, 2)
        return Image(planes[:, : latent.size[0], : latent.size[1]], latent.alpha, latent.space, latent.meta)


class BlurRestorer(Restorer):
    """The mean of each pixel and the image's mean: enough of a change to be seen."""

    def load(self, device: torch.device, dtype: torch.dtype) -> float:
        """The share of the mean."""
        return 0.5

    @verb
    def restore(self, image: Image, *, net: float = 0.5) -> Image:
        """The image drawn half way to its mean."""
        _finite(image.pixels)
        return image.with_grid(torch.lerp(image.pixels, image.pixels.mean((1, 2), keepdim=True), net))


def _finite(samples: torch.Tensor) -> None:
    if not torch.isfinite(samples).all():
        raise DataError("the samples must be finite, got NaN or infinity")
