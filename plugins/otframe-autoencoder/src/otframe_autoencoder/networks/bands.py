"""Local amplitudes of frequency bands: what texture is, without where it is."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["LogAmplitude", "opponent_dct"]


def opponent_dct() -> Tensor:
    """Give the orthonormal 4 x 4 DCT in opponent colours ``(48, 3, 4, 4)``; the three constant ones come first."""
    k, n = torch.arange(4.0)[:, None], torch.arange(4.0)[None]
    dct = torch.cos(math.pi * (2 * n + 1) * k / 8) * torch.where(k == 0, 0.5, math.sqrt(0.5))
    colours = torch.tensor([[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [1.0, 1.0, -2.0]])
    colours = colours / colours.norm(dim=1, keepdim=True)
    filters = torch.einsum("ui,vj,oc->uvocij", dct, dct, colours)
    return filters.reshape(48, 3, 4, 4).contiguous()


class LogAmplitude(nn.Module):
    r"""Logarithm of the root mean square of 45 bands on cells of 8 x 8 pixels.

    The bands are the 15 non-constant 4 x 4 cosine patterns in three opponent colours, on a grid of stride 2:
    :math:`a = \frac12 \log(\overline{c^2} + \epsilon^2)` with the mean over a cell. Always float32: squares of
    small coefficients do not survive a shorter type.

    Parameters
    ----------
    floor : float
        ``epsilon``, about one grey level, so that a flat region has a finite logarithm.
    """

    def __init__(self, *, floor: float = 0.004) -> None:
        super().__init__()
        self.floor = floor
        self.register_buffer("filters", opponent_dct()[3:], persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Map images ``(N, 3, H, W)`` to ``(N, 45, H/8, W/8)``."""
        with torch.autocast(image.device.type, enabled=False):
            padded = functional.pad(image.float(), (1, 1, 1, 1), mode="replicate")
            power = functional.avg_pool2d(functional.conv2d(padded, self.filters, stride=2).square(), 4)
            return 0.5 * torch.log(power + self.floor**2)
