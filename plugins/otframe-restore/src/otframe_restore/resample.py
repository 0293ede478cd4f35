"""Bicubic resampling by whole factors, as strided and polyphase convolutions.

With a whole factor every output sample sees the kernel at the same (or at one of `factor`) phases, so that resizing
is a plain convolution. Conventions are those of Matlab's `imresize`: pixel centres at half integers, Keys' kernel
with a = -1/2, widened by the factor when reducing, edges reflected. Pillow's `BICUBIC` agrees inside and differs at
the edges, where it drops the missing taps.
"""

from __future__ import annotations

import torch

from otframe_restore.filters import along, pad_symmetric

__all__ = ["enlarge", "keys_cubic", "reduce"]


def keys_cubic(x: torch.Tensor) -> torch.Tensor:
    """Keys' cubic convolution kernel with a = -1/2; zero outside (-2, 2) [keys1981cubic]_."""
    x = x.abs()
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x < 1, near, torch.where(x < 2, far, torch.zeros_like(x)))


def reduce(planes: torch.Tensor, factor: int) -> torch.Tensor:
    """Reduce `(C, H, W)` to `(C, ceil(H / factor), ceil(W / factor))`, antialiased."""
    centre = (factor - 1) / 2
    reach = int(2 * factor - centre)  # taps before the first sample of a cell
    offsets = torch.arange(-reach, factor + reach, dtype=torch.float64)
    taps = keys_cubic((offsets - centre) / factor)
    taps = taps / taps.sum()
    for dim in (1, 2):
        missing = -planes.shape[dim] % factor
        planes = along(pad_symmetric(planes, reach, reach + missing, dim), taps, dim, stride=factor)
    return planes


def enlarge(planes: torch.Tensor, factor: int) -> torch.Tensor:
    """Enlarge `(C, h, w)` to `(C, factor h, factor w)` by bicubic interpolation."""
    phases = (torch.arange(factor, dtype=torch.float64) + 0.5) / factor - 0.5  # where the outputs fall in a cell
    offsets = torch.arange(-2, 3, dtype=torch.float64)
    taps = keys_cubic(offsets[None] - phases[:, None])
    for dim in (1, 2):
        planes = along(pad_symmetric(planes, 2, 2, dim), taps, dim)
    return planes
