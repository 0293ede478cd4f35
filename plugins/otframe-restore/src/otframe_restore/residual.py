"""`restore.residual`: add to an image what a map in latent space changed."""

from __future__ import annotations

import torch
from pydantic import Field

from otframe.errors import DataError
from otframe.interfaces import Autoencoder, Context, Transform
from otframe.values import Image, Latent
from otframe_restore.checks import finite

__all__ = ["Residual"]

_REC709 = (0.2126, 0.7152, 0.0722)


class Residual(Transform):
    """Add the decoded change: `x = x* + strength (D(after) - D(before))`.

    `before` is the image's own latent and `after` the transported one. Both decodings carry the autoencoder's error,
    and the difference cancels it: where the map changes nothing the image comes back bit for bit, whatever the
    autoencoder. Alpha, space and metadata are the image's; a grey image stays grey. `DataError` where the decoded
    sizes differ from the image's, the latents decode to different channels, or the image is not finite.
    """

    strength: float = Field(default=1.0)
    """How much of the change is added."""

    def __call__(self, image: Image, before: Latent, after: Latent, model: Autoencoder, *, ctx: Context) -> Image:
        """The changed image, of the image's shape; values may leave [0, 1]."""
        finite(image)
        changed: Image = ctx.call(model.decode, after)
        kept: Image = ctx.call(model.decode, before)
        for port, decoded in (("after", changed), ("before", kept)):
            if decoded.size != image.size:
                raise DataError(f"the latent decodes to size {decoded.size}, the image has {image.size}", port=port)
        if changed.channels != kept.channels:
            raise DataError(f"the latents decode to {changed.channels} and {kept.channels} channels", port="after")
        change = changed.pixels - kept.pixels
        del changed, kept  # two whole images that a large photograph has no room for
        return image.with_grid(image.pixels + self.strength * _like(change, image))


def _like(change: torch.Tensor, image: Image) -> torch.Tensor:
    """The change with the image's channels: a colour change of a grey image is its luma, a grey one goes to all."""
    change = change.to(image.pixels)
    if change.shape[0] == 3 and image.channels == 1:
        return torch.einsum("c,chw->hw", change.new_tensor(_REC709), change)[None]
    if change.shape[0] not in (1, image.channels):
        raise DataError(f"the decoder gives {change.shape[0]} channels, the image has {image.channels}", port="model")
    return change
