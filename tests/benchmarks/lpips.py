"""LPIPS v0.1 with AlexNet (Zhang et al., 2018): a measuring instrument, no part of otframe."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

__all__ = ["Lpips"]

CONVOLUTIONS = ((4, 2), (1, 2), (1, 1), (1, 1), (1, 1))
"""Stride and padding of AlexNet's convolutions."""
POOLED = (1, 2)
"""The convolutions that a 3 x 3 pooling of stride 2 comes before."""
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)


class Lpips:
    """The distance of two images in [0, 1]; they are clipped first.

    Parameters
    ----------
    weights : Path
        `lpips_alexnet_fp16.safetensors`: `conv{0..4}.weight`, `.bias` and the heads `lin{0..4}.weight`.
    """

    def __init__(self, weights: Path) -> None:
        self._state = {name: value.float() for name, value in load_file(weights).items()}

    @torch.no_grad()
    def __call__(self, a: Tensor, b: Tensor) -> float:
        """LPIPS of two images `(3, H, W)`."""
        total = 0.0
        for index, (f, g) in enumerate(zip(self._layers(a), self._layers(b), strict=True)):
            difference = (_unit(f) - _unit(g)).square()
            total += float(functional.conv2d(difference, self._state[f"lin{index}.weight"]).mean())
        return total

    def _layers(self, image: Tensor) -> list[Tensor]:
        shift, scale = (torch.tensor(value)[:, None, None] for value in (SHIFT, SCALE))
        x, layers = ((2 * image.clamp(0, 1) - 1 - shift) / scale)[None], []
        for index, (stride, padding) in enumerate(CONVOLUTIONS):
            if index in POOLED:
                x = functional.max_pool2d(x, 3, 2)
            weight, bias = self._state[f"conv{index}.weight"], self._state[f"conv{index}.bias"]
            x = functional.relu(functional.conv2d(x, weight, bias, stride=stride, padding=padding))
            layers.append(x)
        return layers


def _unit(f: Tensor) -> Tensor:
    return f / (f.norm(dim=1, keepdim=True) + 1e-10)
