"""Random fields on pixels: smooth displacements, and pictures of nothing in particular."""

from __future__ import annotations

import math

import torch

__all__ = ["clouds", "smooth_field"]


def smooth_field(size: tuple[int, int], scale: float, count: int, rng: torch.Generator) -> torch.Tensor:
    """White noise behind a Gaussian filter: shape `(count, H, W)`, float64, each value standard normal.

    Parameters
    ----------
    size : (int, int)
        H and W.
    scale : float
        Standard deviation of the filter in pixels; 0 leaves the noise white.
    count : int
        Independent fields.
    rng : torch.Generator
        What they are drawn from.
    """
    reach = math.ceil(4 * scale)
    taps = torch.arange(-reach, reach + 1, dtype=torch.float64)
    line = (-0.5 * (taps / scale).square()).exp() if scale > 0 else torch.ones(1, dtype=torch.float64)
    line = line / line.square().sum().sqrt()  # so that the variance stays 1, at the borders too
    noise = torch.randn(count, *(side + 2 * reach for side in size), generator=rng, dtype=torch.float64)
    return (noise.unfold(1, len(line), 1) @ line).unfold(2, len(line), 1) @ line


def clouds(size: tuple[int, int], channels: int, rng: torch.Generator) -> torch.Tensor:
    """A random picture with the spectrum of natural ones, 1 / frequency: shape `(channels, H, W)`, float32, [0, 1].

    Channels are alike, as colours in photographs are.
    """
    noise = torch.randn(channels + 1, *size, generator=rng, dtype=torch.float64)
    down, right = torch.fft.fftfreq(size[0]).double(), torch.fft.rfftfreq(size[1]).double()
    radius = (down[:, None].square() + right.square()).sqrt()
    radius[0, 0] = math.inf  # no mean
    made = torch.fft.irfft2(torch.fft.rfft2(noise) / radius, s=size)
    made = made / made.square().mean((1, 2), keepdim=True).sqrt().clamp(min=1e-12)
    return (0.5 + 0.22 * (0.97 * made[:1] + 0.24 * made[1:])).clamp(0, 1).float()
