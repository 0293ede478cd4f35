"""`restorer.spandrel`: restoration and super-resolution networks that spandrel recognises by their weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from pydantic import Field

from otframe.errors import DataError
from otframe.interfaces import Component, Restorer, verb
from otframe.values import Image
from otframe_restore.checks import finite
from otframe_restore.resample import enlarge
from otframe_restore.tiling import tiled
from otframe_restore.weights import load_network

__all__ = ["Spandrel"]


class Spandrel(Restorer):
    """Run a restorer by its weights: DnCNN [zhang2017beyond]_, SPAN, SwinIR, ESRGAN, and what else spandrel knows.

    Needs `pip install "otframe-restore[spandrel]"`. Images of any size are padded to what the network asks for and
    cropped again; a network of scale s gives images s times larger, with alpha enlarged along. A grey network is
    applied to each channel of a colour image; a colour network sees a grey image three times and its mean is kept.
    Space and metadata are kept. spandrel limits results to [0, 1].

    `ModelError` where spandrel or the file is missing, or the weights are of no known image network; `DataError` where
    the image is not finite or its channels do not fit.
    """

    references = ("zhang2017beyond",)

    path: Path = Field()
    """Weights: `.safetensors`, or `.pth` / `.pt` / `.ckpt` with nothing but tensors in them."""
    tile: int = Field(default=0, ge=0)
    """Side of the tiles that large images are cut into, in pixels, to bound the memory; 0 runs the whole at once.
    Networks that look at the whole image (attention, global pooling) change at the seams."""
    overlap: int = Field(default=32, ge=0)
    """Margin around each tile in pixels; exact where the network looks no further."""

    @classmethod
    def examples(cls) -> list[Component]:
        """None: it needs a weights file."""
        return []

    def load(self, device: torch.device, dtype: torch.dtype) -> Any:
        """The network on the device; `ModelError` as told above."""
        return load_network(self.path, device, dtype)

    @verb
    def restore(self, image: Image, *, net: Any = None) -> Image:
        """The restored image, `net.scale` times as large."""
        pixels = finite(image).pixels
        batch = _batch(pixels, net.input_channels).to(net.device, net.dtype)
        # one image at a time: networks with attention or global pooling promise nothing for batches
        outputs = [tiled(net, one[None], tile=self.tile, overlap=self.overlap, scale=net.scale) for one in batch]
        # spandrel computes in inference mode; the copy is an ordinary tensor again
        planes = torch.cat(outputs).clone().to(pixels)
        restored = planes[:, 0] if len(planes) > 1 or net.output_channels == 1 else planes[0]
        if image.channels == 1 and restored.shape[0] == 3:
            restored = restored.mean(dim=0, keepdim=True)
        alpha = image.alpha
        if alpha is not None and net.scale > 1:
            alpha = enlarge(alpha[None], net.scale)[0].clamp(0, 1).contiguous()
        return replace(image, pixels=restored.contiguous(), alpha=alpha)


def _batch(pixels: torch.Tensor, wanted: int) -> torch.Tensor:
    """Pixels `(C, H, W)` as the images `(n, wanted, H, W)` that a network of `wanted` channels takes."""
    channels = pixels.shape[0]
    if wanted == channels:
        return pixels[None]
    if wanted == 1:
        return pixels[:, None]
    if channels == 1:
        return pixels.expand(wanted, -1, -1)[None]
    raise DataError(f"the network takes {wanted} channels, the image has {channels}", port="image")
