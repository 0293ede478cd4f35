"""Losses: LPIPS, sliced Wasserstein distance of features, log amplitudes, and pixel distances.

The feature network is only a loss: its weights are an argument and no part of what is trained or shipped.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from ..networks.bands import LogAmplitude

__all__ = ["Losses"]

# kernel, stride, padding of AlexNet's five convolutions, and where it pools first
CONVOLUTIONS = ((11, 4, 2), (5, 1, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1))
POOLED = (1, 2)


class Losses(nn.Module):
    """All the distances of the training, on AlexNet features and on pixels.

    Parameters
    ----------
    weights : Path
        LPIPS v0.1 AlexNet: ``conv{0..4}.weight``, ``conv{0..4}.bias`` and the heads ``lin{0..4}.weight``.

    References
    ----------
    Zhang et al., The unreasonable effectiveness of deep features as a perceptual metric, 2018.
    """

    def __init__(self, weights: Path) -> None:
        super().__init__()
        for key, value in load_file(weights).items():
            self.register_buffer(key.replace(".", "_"), value.float())
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188])[:, None, None])
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450])[:, None, None])
        self.log_amplitude = LogAmplitude()

    def features(self, image: Tensor) -> list[Tensor]:
        """Give the five rectified layers of images in [0, 1]."""
        x, layers = (2 * image - 1 - self.shift) / self.scale, []
        for index, (_, stride, padding) in enumerate(CONVOLUTIONS):
            if index in POOLED:
                x = functional.max_pool2d(x, 3, 2)
            weight, bias = getattr(self, f"conv{index}_weight"), getattr(self, f"conv{index}_bias")
            x = functional.relu(functional.conv2d(x, weight, bias, stride=stride, padding=padding))
            layers.append(x)
        return layers

    def lpips(self, a: list[Tensor], b: list[Tensor]) -> Tensor:
        """LPIPS of two lists of features, averaged over the batch."""
        total = torch.zeros(())
        for index, (f, g) in enumerate(zip(a, b, strict=True)):
            f, g = f.float(), g.float()
            f = f / (f.norm(dim=1, keepdim=True) + 1e-10)
            g = g / (g.norm(dim=1, keepdim=True) + 1e-10)
            total = total + functional.conv2d((f - g).square(), getattr(self, f"lin{index}_weight")).mean()
        return total

    def sliced(self, a: list[Tensor], b: list[Tensor], *, directions: int, generator: torch.Generator) -> Tensor:
        """Sliced W1 between the positions of each image in the first three layers, scaled to the target's spread."""
        total = torch.zeros(())
        for f, g in zip(a[:3], b[:3], strict=True):
            f, g = f.float().flatten(2), g.float().flatten(2)
            theta = functional.normalize(torch.randn(directions, f.shape[1], generator=generator), dim=1)
            u, v = (theta @ f).sort(dim=-1).values, (theta @ g).sort(dim=-1).values
            total = total + (u - v).abs().mean() / (v.detach().std() + 1e-6)
        return total / 3

    def bands(self, a: Tensor, b: Tensor) -> Tensor:
        """L1 distance of log amplitudes."""
        return (self.log_amplitude(a) - self.log_amplitude(b)).abs().mean()

    def reconstruction(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Weighted terms of stage 1."""
        difference = output - target
        return {
            "l1": 0.3 * difference.abs().mean(),
            "l1_means": 0.7 * functional.avg_pool2d(difference, 3, 1).abs().mean(),
            "mse": 1.2 * difference.square().mean(),
            "lpips": 0.2 * self.lpips(self.features(output), self.features(target)),
            "bands": 0.05 * self.bands(output, target),
        }
