"""`autoencoder.taesd`: the tiny autoencoders of diffusion models, from their weight files."""

from __future__ import annotations

from pathlib import Path

import torch

from otframe.errors import ModelError
from otframe_autoencoder.coder import Coder
from otframe_autoencoder.networks.taesd import TAESD, load_taesd

__all__ = ["Taesd"]


class Taesd(Coder):
    """TAESD (4 channels), TAESD3 (16) or TAEF2 (32), stride 8; the variant is read off the files.

    `.pth` files are read as tensors only, so no code in them is run. TAEF2 normalises over the whole image: it must not
    be tiled, and its latent of a crop differs from the crop of its latent.
    """

    references = ("bohan2023taesd",)

    encoder: Path
    """Weight file of the encoder, `.pth` or `.safetensors`."""
    decoder: Path
    """Weight file of the decoder, of the same variant."""

    def load(self, device: torch.device, dtype: torch.dtype) -> TAESD:
        """The network; `ModelError` where a file is missing or of another architecture."""
        for path in (self.encoder, self.decoder):
            if not path.is_file():
                raise ModelError(f"there is no weight file {path}", hint="download it, and give its path")
        try:
            return load_taesd(self.encoder, self.decoder).to(device, dtype)
        except Exception as error:
            raise ModelError(
                f"cannot load {self.encoder} and {self.decoder}: {error}",
                hint="give the encoder's and the decoder's file of one variant: taesd, taesd3 or taef2",
            ) from error
