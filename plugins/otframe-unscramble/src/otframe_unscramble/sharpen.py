"""Undoing a Gaussian blur by a Wiener filter on reflecting borders."""

from __future__ import annotations

import math

import torch

__all__ = ["cosines", "sharpened"]


def sharpened(pixels: torch.Tensor, blur: float, noise: float) -> torch.Tensor:
    """Pictures `(..., H, W)` without a blur of standard deviation `blur` px, as far as noise allows.

    The filter is `h / (h^2 + (noise w)^2)` at the frequency w (radians a pixel), h of a Gaussian sampled at pixels:
    that of Wiener for pictures whose power falls as `1 / w^2`. What is constant stays, and its gain has an end. Borders
    reflect: it is diagonal in cosines.
    """
    height, width = pixels.shape[-2:]
    down, along = cosines(height).to(pixels.device), cosines(width).to(pixels.device)
    square = _frequencies(height).square()[:, None] + _frequencies(width).square()[None]
    passed = _passed(height, blur)[:, None] * _passed(width, blur)[None]
    gain = (passed / (passed.square() + noise**2 * square).clamp(min=1e-300)).to(pixels.device)
    waves = down @ pixels.double() @ along.T
    return (down.T @ (waves * gain) @ along).to(pixels.dtype)


def cosines(count: int) -> torch.Tensor:
    """The orthonormal cosine transform (DCT-II) as a matrix `(count, count)`, float64."""
    at = torch.arange(count, dtype=torch.float64)
    matrix = torch.cos(_frequencies(count)[:, None] * (at + 0.5)[None]) * math.sqrt(2 / count)
    matrix[0] /= math.sqrt(2)
    return matrix


def _frequencies(count: int) -> torch.Tensor:
    return torch.arange(count, dtype=torch.float64) * math.pi / count


def _passed(count: int, blur: float) -> torch.Tensor:
    """What a sampled Gaussian lets through: its spectrum with what is folded back, below half a pixel no Gaussian."""
    turns = 2 * math.pi * torch.arange(-3, 4, dtype=torch.float64)
    both = torch.stack([_frequencies(count), torch.zeros(count, dtype=torch.float64)])
    folded = torch.exp(-0.5 * blur**2 * (both[:, :, None] + turns).square()).sum(-1)
    return folded[0] / folded[1]
