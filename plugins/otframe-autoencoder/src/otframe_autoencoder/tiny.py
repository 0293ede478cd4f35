"""`autoencoder.tiny`: the embedded autoencoder."""

from __future__ import annotations

from collections.abc import Callable

import torch
from pydantic import Field

from otframe_autoencoder.coder import Coder
from otframe_autoencoder.embedded import embedded_state
from otframe_autoencoder.networks.tiny import Tiny as TinyNetwork
from otframe_autoencoder.tiles import run_tiled

__all__ = ["HALO", "Tiny"]

HALO = 80
"""Pixels around a tile that its result depends on: the network's radius, rounded up to the stride."""


class Tiny(Coder):
    """The embedded autoencoder: 32 channels, stride 8, 3.6 MB of weights trained by this project.

    Its latent holds block coefficients and log amplitudes of local frequency bands, and it was trained with the
    Gaussian transport in the loop: made for moving laws in its latent space, not for compression. Nothing is normalised
    over the image, so a tile with a halo of 80 pixels gives what the whole image gives. See the model card.
    """

    references = ("adrai2023deep",)

    tile: int = Field(default=1024, ge=0)
    """Side of the tiles, in pixels, that larger images are computed in; 0 computes them whole."""

    def load(self, device: torch.device, dtype: torch.dtype) -> TinyNetwork:
        """The embedded network."""
        return TinyNetwork.from_state(embedded_state("tiny")).to(device, dtype).requires_grad_(False)

    def tiled(
        self, run: Callable[[torch.Tensor], torch.Tensor], batch: torch.Tensor, step: int, scale: float
    ) -> torch.Tensor:
        """Tile by tile above the tile's size: what a tile gives is what the whole image gives."""
        if not self.tile:
            return run(batch)
        pixels = 1 if step > 1 else int(scale)
        return run_tiled(run, batch, tile=max(self.tile // pixels, 1), halo=HALO // pixels, step=step, scale=scale)
