"""Correlation with a dense many-channel kernel on overlapping tiles, through the fast Fourier transform."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

__all__ = ["TileConv"]

_TILES = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
_BAND_BYTES = 4 << 20  # samples worked on at once: more leaves the cache, less starves the matrix products


class TileConv:
    """Valid cross-correlation with a kernel `(C_out, C_in, k, k)`, without the border.

    A direct convolution costs `C_out C_in k^2` a sample; on tiles of side T it is one transform a channel and one
    `C_out x C_in` complex product a frequency (overlap-save), which for the 9 x 9 and larger kernels of patches is
    several times less work, and less rounding. The spectra of the kernel are kept for each tile size that was used.
    Where the library has a fast direct form and the kernel is small, that is taken.
    """

    def __init__(self, kernel: torch.Tensor) -> None:
        self.kernel = kernel
        self.reach = kernel.shape[-1] - 1
        self._spectra: dict[int, torch.Tensor] = {}

    def __call__(self, grid: torch.Tensor) -> torch.Tensor:
        """Correlate a grid `(C_in, H, W)`; gives `(C_out, H - k + 1, W - k + 1)`."""
        rows, cols = grid.shape[1] - self.reach, grid.shape[2] - self.reach
        tile = self._tile(rows, cols)
        if self._direct(rows, cols, tile):
            return F.conv2d(grid.unsqueeze(0), self.kernel)[0]
        return self._tiled(grid, tile)

    def _tiled(self, grid: torch.Tensor, tile: int) -> torch.Tensor:
        channels, height, width = grid.shape
        rows, cols = height - self.reach, width - self.reach
        step = tile - self.reach
        down, across = -(-rows // step), -(-cols // step)
        grid = F.pad(grid, (0, across * step + self.reach - width, 0, down * step + self.reach - height))
        spectrum = self._spectrum(tile)
        out = grid.new_empty(spectrum.shape[1], down * step, across * step)
        band = max(1, _BAND_BYTES // (channels * across * tile * tile * grid.element_size()))
        for first in range(0, down, band):
            some = min(band, down - first)
            strip = grid[:, first * step : (first + some) * step + self.reach]
            tiles = strip.unfold(1, tile, step).unfold(2, tile, step)
            waves = torch.fft.rfft2(tiles).permute(3, 4, 0, 1, 2).reshape(-1, channels, some * across)
            product = torch.bmm(spectrum, waves).reshape(tile, tile // 2 + 1, -1, some, across)
            folded = torch.fft.irfft2(product.permute(2, 3, 4, 0, 1), s=(tile, tile))[..., :step, :step]
            target = out[:, first * step : (first + some) * step].view(-1, some, step, across, step)
            target.copy_(folded.permute(0, 1, 3, 2, 4))
        return out[:, :rows, :cols]

    def _spectrum(self, tile: int) -> torch.Tensor:
        if tile not in self._spectra:
            waves = torch.fft.rfft2(self.kernel, s=(tile, tile)).conj()
            outputs, inputs = self.kernel.shape[:2]
            self._spectra[tile] = waves.permute(2, 3, 0, 1).reshape(-1, outputs, inputs).contiguous()
        return self._spectra[tile]

    def _tile(self, rows: int, cols: int) -> int:
        """The tile's side with the least work."""
        sides = [side for side in _TILES if side > self.reach] or [1 << (2 * self.reach).bit_length()]
        return min(sides, key=lambda side: self._tiled_work(rows, cols, side))

    def _tiled_work(self, rows: int, cols: int, tile: int) -> float:
        """Nanoseconds, about: moving and transforming samples, products, and reading the kernel's spectrum."""
        step, channels = tile - self.reach, max(self.kernel.shape[:2])
        samples = -(-rows // step) * -(-cols // step) * tile**2 * channels
        return samples * (7.0 + 0.7 * math.log2(tile) + 0.05 * channels) + 0.8 * (tile * channels) ** 2

    def _direct(self, rows: int, cols: int, tile: int) -> bool:
        """Whether a direct convolution is the faster one; only in float32 on a CPU is there one worth its while."""
        if self.kernel.dtype != torch.float32 or self.kernel.device.type != "cpu":
            return False
        outputs, inputs, side, _ = self.kernel.shape
        work = 0.02 * rows * cols * side**2 * inputs * 16 * -(-outputs // 16)  # done 16 output channels at a time
        return work < 1.4 * self._tiled_work(rows, cols, tile)
