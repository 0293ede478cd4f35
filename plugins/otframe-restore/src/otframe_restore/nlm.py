"""`restorer.nlm`: non-local means, a denoiser without weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from pydantic import Field

from otframe.errors import DataError
from otframe.interfaces import Component, Restorer, verb
from otframe.values import Image
from otframe_restore.checks import finite

__all__ = ["NonLocalMeans"]

# Rows: luma, red against blue, green against magenta. Orthonormal, so that white noise keeps its sigma in each.
_OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [0.5, -1, 0.5]], dtype=np.float64)
_OPPONENT /= np.linalg.norm(_OPPONENT, axis=1, keepdims=True)

_LEVELS = 65535


class NonLocalMeans(Restorer):
    """Denoise by averaging pixels whose neighbourhoods look alike [buades2005review]_.

    OpenCV's implementation on 16 bits with absolute differences, luma apart from the two chroma planes. Compared with
    OpenCV's 8-bit colour version this keeps deep images and unclipped noise, and gains 2 to 3 dB at sigma 50 (see the
    README). Grey images are denoised alone. Alpha, space and metadata are kept; values may leave [0, 1] as the
    input's do. `DataError` where a pixel is not finite or there are neither 1 nor 3 channels.

    The defaults for the strengths, the templates and the window gave the best PSNR at sigma 10 to 75 on photographs.
    """

    references = ("buades2005review",)

    sigma: float = Field(default=25.0, gt=0)
    """Noise level in 8-bit levels (0 to 255), as `degrade.noise` takes it."""
    strength: float = Field(default=0.92, gt=0)
    """Luma filter strength in units of sigma: larger removes more noise and more texture."""
    chroma: float = Field(default=1.1, gt=0)
    """Chroma filter strength in units of sigma."""
    template: int | None = Field(default=None, ge=1, le=21)
    """Side of the compared luma neighbourhoods in pixels; even numbers are taken one larger. Where none is given 3 in
    colour and 5 in grey, where there is more noise for the same contrast."""
    chroma_template: int = Field(default=7, ge=1, le=21)
    """Side of the compared chroma neighbourhoods in pixels; even numbers are taken one larger."""
    search: int = Field(default=17, ge=3, le=51)
    """Side of the window that is searched, in pixels; time grows with its square."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Two noise levels."""
        return [cls(), cls(sigma=50, search=11)]

    def load(self, device: torch.device, dtype: torch.dtype) -> Callable[..., np.ndarray]:
        """There is nothing to load: the filter itself. It runs on the CPU in 16 bits, whatever is asked for."""
        return _filter

    @verb
    def restore(self, image: Image, *, net: Any = None) -> Image:
        """The denoised image, of the same shape."""
        if image.channels not in (1, 3):
            raise DataError(f"non-local means takes 1 or 3 channels, got {image.channels}", port="image")
        planes = finite(image).pixels.detach().cpu().double().permute(1, 2, 0).numpy()
        sigma = self.sigma / 255
        if image.channels == 1:
            clean = net(planes, self.strength * sigma, self.template or 5, self.search)
        else:
            opponent = planes @ _OPPONENT.T
            luma = net(opponent[..., :1], self.strength * sigma, self.template or 3, self.search)
            chroma = net(opponent[..., 1:], self.chroma * sigma, self.chroma_template, self.search)
            clean = np.concatenate([luma, chroma], axis=2) @ _OPPONENT
        return image.with_grid(torch.from_numpy(np.ascontiguousarray(clean.transpose(2, 0, 1))).to(image.pixels))


def _filter(planes: np.ndarray, h: float, template: int, search: int) -> np.ndarray:
    """Non-local means of `(H, W, C)`, C = 1 or 2, any finite range, weighing the channels together; strength h."""
    low, high = float(planes.min()), float(planes.max())
    # A range of two strengths or less has nothing to tell apart: a finer scale would only meet the limits of 16 bits.
    scale = _LEVELS / max(high - low, 2 * h)
    codes = np.rint((planes - low) * scale).astype(np.uint16)
    clean = cv2.fastNlMeansDenoising(codes, [h * scale], None, template, search, cv2.NORM_L1)
    return clean.reshape(planes.shape).astype(np.float64) / scale + low
