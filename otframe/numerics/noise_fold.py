r"""Noise of a stochastic patch map: drawn once for a grid, consistent between overlapping patches, full in the fold.

Noise drawn for every patch alone would lose most of its variance when overlapping patches are averaged. Here one white
field is drawn for the grid; each patch sees its own window of it, n (standard normal), and gets w = L n with
:math:`L = L' = N^{1/2}`, so :math:`\operatorname{cov}(w) = N` exactly. The symmetric root is the one nearest to the
identity: it hands a sample's noise mainly to that sample in every patch, so neighbours agree as far as N lets them.

Folding w is one correlation of the white field with K. What averaging still loses is known, for the folded variance of
channel c is :math:`\sum_{c', d} K_{c c'}(d)^2`, and is put back by a gain for each channel, so that the folded variance
is the mean over patch positions of the diagonal of N. The white field reaches p - 1 beyond the grid on every side, so
the folded noise is stationary up to the frame.
"""

from __future__ import annotations

import torch

from otframe.errors import DataError
from otframe.numerics.patch_kernels import collapse_columns, inner_kernel
from otframe.numerics.psd import sqrt
from otframe.numerics.tile_conv import TileConv
from otframe.numerics.unfold import unfold_rows

__all__ = ["NoiseFold", "folded_noise", "white_field"]


def white_field(shape: tuple[int, int, int], size: int, seed: int) -> torch.Tensor:
    """White noise for a grid `(C, H, W)` and its surroundings: `(C, H + 2p - 2, W + 2p - 2)`, drawn on the CPU."""
    channels, height, width = shape
    more = 2 * (size - 1)
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(channels, height + more, width + more, generator=generator)


class NoiseFold:
    """Noise of covariance `noise_cov` `(C p^2, C p^2)` on patches of side `size`, made ready for many grids."""

    def __init__(
        self,
        noise_cov: torch.Tensor,
        size: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> None:
        dim = noise_cov.shape[0]
        if noise_cov.shape != (dim, dim) or size < 1 or dim % size**2:
            raise DataError(
                f"noise of patches of side {size} has covariance (C p^2, C p^2), got {tuple(noise_cov.shape)}"
            )
        device = device or noise_cov.device
        channels = dim // size**2
        self.size, self.dtype, self.device = size, dtype, device
        root = sqrt(noise_cov.to(device))
        self.root = root.to(dtype)
        kernel = inner_kernel(collapse_columns(root.view(channels, size, size, channels, size, size)))
        kept = kernel.square().sum((1, 2, 3))
        wanted = torch.diagonal(noise_cov).to(kept).view(channels, -1).mean(1).clamp(min=0.0)
        self.gain = torch.where(kept > 0.0, (wanted / kept).sqrt(), torch.zeros_like(kept))
        self._conv = TileConv((kernel * self.gain[:, None, None, None]).to(dtype))

    def rows(self, white: torch.Tensor) -> torch.Tensor:
        """Noise of each patch, `(n, C p^2)`, covariance exactly `noise_cov`; from a field of `white_field`."""
        edge = self.size - 1
        height, width = white.shape[1] - 2 * edge, white.shape[2] - 2 * edge
        own = white[:, edge : edge + height, edge : edge + width].to(self.device, self.dtype)
        return unfold_rows(own, self.size) @ self.root

    def field(self, white: torch.Tensor) -> torch.Tensor:
        """Folded noise of the grid, `(C, H, W)`, with the variance that averaging loses put back."""
        return self._conv(white.to(self.device, self.dtype))


def folded_noise(
    shape: tuple[int, int, int], noise_cov: torch.Tensor, size: int, seed: int, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """Folded noise for a grid `(C, H, W)`; see `NoiseFold`, which is kept for many grids."""
    return NoiseFold(noise_cov, size, dtype).field(white_field(shape, size, seed))
