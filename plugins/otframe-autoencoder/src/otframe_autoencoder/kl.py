"""`autoencoder.kl`: the variational autoencoders of latent diffusion, through diffusers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from otframe.errors import ModelError
from otframe_autoencoder.coder import Coder

__all__ = ["Kl"]


class KlNetwork(nn.Module):
    """diffusers' AutoencoderKL with images in [0, 1] and the posterior's mean as latent."""

    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.vae = vae.eval().requires_grad_(False)
        self.channels = vae.config.latent_channels
        self.stride = 2 ** (len(vae.config.block_out_channels) - 1)

    def encode(self, image: Tensor) -> Tensor:
        """Posterior mean, `(N, C, H/stride, W/stride)`: a sample would add noise that the transport has to undo."""
        mean: Tensor = self.vae.encode(2 * image - 1).latent_dist.mode()
        return mean

    def decode(self, latent: Tensor) -> Tensor:
        """The image `(N, 3, H, W)`; never clipped."""
        decoded: Tensor = self.vae.decode(latent).sample
        return (decoded + 1) / 2


class Kl(Coder):
    """diffusers' `AutoencoderKL`, e.g. `stabilityai/sd-vae-ft-mse`, which Deep Optimal Transport was published with.

    Needs the extra `otframe-autoencoder[kl]`. Its attention and normalisation see the whole image: it is not tiled.
    """

    references = ("adrai2023deep", "rombach2022high")

    name: str
    """A folder that `save_pretrained` wrote, or a name on the hub."""
    subfolder: str = ""
    """The folder inside it, such as `vae` in a whole diffusion model."""
    revision: str | None = None
    """The hub's revision; a fixed one keeps results repeatable."""
    download: bool = True
    """Whether a name that is not on this machine may be fetched from the hub."""

    def load(self, device: torch.device, dtype: torch.dtype) -> KlNetwork:
        """The network; `ModelError` where diffusers or the weights are missing."""
        try:
            from diffusers import AutoencoderKL
        except Exception as error:  # diffusers wraps what its own imports raise
            raise ModelError(
                f"autoencoder.kl needs diffusers, which cannot be imported: {str(error).splitlines()[-1]}",
                hint='pip install "otframe-autoencoder[kl]"; a torchvision made for another torch must go',
            ) from error
        local = Path(self.name).is_dir()
        try:
            vae = AutoencoderKL.from_pretrained(
                self.name,
                subfolder=self.subfolder or None,
                revision=None if local else self.revision,
                torch_dtype=dtype,
                use_safetensors=True,
                local_files_only=local or not self.download,
            )
        except Exception as error:
            raise ModelError(
                f"cannot load AutoencoderKL from '{self.name}': {str(error).splitlines()[0]}",
                hint="give a folder with config.json and diffusion_pytorch_model.safetensors, or a name on the hub",
            ) from error
        return KlNetwork(vae).to(device)
