"""What all autoencoders share: any image size by padding and cropping, grey images, alpha and metadata kept, tiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch.nn import functional as F

from otframe.errors import DataError
from otframe.interfaces import Autoencoder, verb
from otframe.values import Image, Latent

__all__ = ["Coder", "Network"]


class Network(Protocol):
    """A loaded autoencoder: batches of RGB in [0, 1] to latents and back, on sides that are multiples of its stride."""

    stride: int

    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """`(N, 3, H, W)` to `(N, C, H/stride, W/stride)`."""
        ...

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """`(N, C, h, w)` to `(N, 3, h*stride, w*stride)`."""
        ...


class Coder(Autoencoder):
    """Base of the autoencoders. Subclasses load a `Network`."""

    @verb
    def encode(self, image: Image, *, net: Network) -> Latent:
        """The latent of an image of any size: sides are padded by repeating the edge up to a multiple of the stride.

        A grey image is encoded as three equal channels. Raises `DataError` for another space than srgb or gray.
        """
        if image.space not in ("srgb", "gray"):
            raise DataError(
                f"an autoencoder takes srgb or gray images, got {image.space}", hint="put `image.convert` before it"
            )
        pixels = _finite(image.pixels, "an image")
        if image.channels == 1:
            pixels = pixels.expand(3, -1, -1)
        elif image.channels != 3:
            raise DataError(f"an autoencoder takes 1 or 3 colour channels, got {image.channels}")
        height, width = image.size
        down, right = -height % net.stride, -width % net.stride
        padded = F.pad(_batch(pixels, net), (0, right, 0, down), mode="replicate")
        latent = self.tiled(net.encode, padded, net.stride, 1 / net.stride)[0]
        return Latent(latent.contiguous(), net.stride, image.size, image.channels, image.space, image.alpha, image.meta)

    @verb
    def decode(self, latent: Latent, *, net: Network) -> Image:
        """The image of a latent, at the size and with the alpha and metadata of the image that was encoded.

        Values may leave [0, 1]. A grey image comes back grey: the mean of the three channels.
        """
        values = _finite(latent.values, "a latent")
        wanted = getattr(net, "channels", values.shape[0])
        if values.shape[0] != wanted:
            raise DataError(
                f"the latent has {values.shape[0]} channels, the decoder takes {wanted}",
                hint="decode with the model that encoded",
            )
        height, width = latent.size
        decoded = self.tiled(net.decode, _batch(values, net), 1, net.stride)[0, :, :height, :width]
        if latent.channels == 1:
            decoded = decoded.mean(0, keepdim=True)
        return Image(decoded.to(torch.float32).contiguous(), latent.alpha, latent.space, latent.meta)

    def tiled(
        self, run: Callable[[torch.Tensor], torch.Tensor], batch: torch.Tensor, step: int, scale: float
    ) -> torch.Tensor:
        """Run a network over a batch `(1, C, H, W)`; subclasses whose network is local may do so tile by tile."""
        del step, scale
        return run(batch)


def _finite(values: torch.Tensor, what: str) -> torch.Tensor:
    """The values themselves; a network would spread a NaN over its whole field of view."""
    if not torch.isfinite(values.sum(dtype=torch.float64)):
        raise DataError(f"{what} must be finite, got NaN or infinity")
    return values


def _batch(planes: torch.Tensor, net: Network) -> torch.Tensor:
    """A batch of one, on the network's device and in its precision, channels last: convolutions are faster so."""
    state = [*getattr(net, "parameters", list)(), *getattr(net, "buffers", list)()]
    batch = planes[None].to(state[0]) if state else planes[None]
    return batch.contiguous(memory_format=torch.channels_last)
