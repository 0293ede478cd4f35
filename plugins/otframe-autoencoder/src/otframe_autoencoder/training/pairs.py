"""Pairs of a restored and a clean image, made by degrading crops and restoring them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from .data import Photos

__all__ = ["Pairs", "load_dncnn"]

GROUPS, MEMBERS, SIDE = 24, 24, 160
STEPS_PER_POOL = 1200


def load_dncnn(path: Path) -> Callable[[Tensor], Tensor]:
    """Give ``f(noisy (N, 3, H, W)) -> restored`` of a plain DnCNN, whose convolutions estimate the noise."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    layers = sorted({int(key.split(".")[1]) for key in state})

    def restore(noisy: Tensor) -> Tensor:
        x = noisy.contiguous(memory_format=torch.channels_last)
        for layer in layers:
            x = functional.conv2d(x, state[f"model.{layer}.weight"], state[f"model.{layer}.bias"], padding=1)
            x = x if layer == layers[-1] else functional.relu(x)
        return noisy - x

    return restore


def non_local_means(noisy: Tensor, strength: float) -> Tensor:
    """OpenCV's colour non-local means of 8-bit images."""
    out = []
    for image in noisy.clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).numpy():
        out.append(cv2.fastNlMeansDenoisingColored(image, None, strength, strength, 7, 21))
    return torch.from_numpy(np.stack(out)).permute(0, 3, 1, 2).float() / 255


class Pairs:
    """Pools of pairs on disk, each a function of (seed, pool number), so that a resumed run sees the same.

    A pool has 24 groups; all pairs of a group share one degradation and one restorer, as the images that a map
    is fitted on do. Half the groups are noise and DnCNN, a quarter noise and non-local means, a quarter bicubic
    reduction and enlargement.

    Parameters
    ----------
    photos : Photos
        Source of clean crops.
    denoiser : Path
        DnCNN weights.
    folder : Path
        Where pools are kept.
    seed : int
        Run seed.
    """

    def __init__(self, photos: Photos, denoiser: Path, folder: Path, *, seed: int) -> None:
        self.photos, self.denoiser, self.folder, self.seed = photos, denoiser, folder, seed
        self.number, self.pool = -1, {}

    @torch.no_grad()
    def make(self, number: int) -> dict[str, Tensor]:
        """Compute one pool: ``restored`` and ``clean``, both uint8 ``(groups, members, 3, side, side)``."""
        rng = np.random.default_rng([self.seed, 7, number])
        dncnn, restored, clean = load_dncnn(self.denoiser), [], []
        for group in range(GROUPS):
            crops = self.photos.batch(MEMBERS, SIDE, rng)
            sigma = float(rng.uniform(40, 60) if rng.random() < 0.6 else rng.uniform(15, 40))
            noise = torch.from_numpy(rng.normal(0, sigma / 255, crops.shape).astype(np.float32))
            if group % 4 < 2:
                output = torch.cat([dncnn(part) for part in (crops + noise).split(4)])
            elif group % 4 == 2:
                output = non_local_means(crops + noise, sigma * float(rng.uniform(0.5, 1.0)))  # from grainy to smeared
            else:
                small = (round(SIDE / float(rng.uniform(2, 4))),) * 2
                output = functional.interpolate(crops, small, mode="bicubic", antialias=True, align_corners=False)
                output = functional.interpolate(output, (SIDE, SIDE), mode="bicubic", align_corners=False)
            restored.append(output.clamp(0, 1).mul(255).round().byte())
            clean.append(crops.mul(255).round().byte())
        return {"restored": torch.stack(restored), "clean": torch.stack(clean)}

    def load(self, number: int) -> dict[str, Tensor]:
        """Read a pool, making it first where it is missing."""
        path = self.folder / f"seed{self.seed}_pool{number}.safetensors"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            save_file(self.make(number), path.with_suffix(".tmp"))
            path.with_suffix(".tmp").rename(path)
        return load_file(path)

    def batch(self, step: int, count: int, size: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Give ``count`` pairs of one group, cut to ``size`` and flipped together."""
        number = step // STEPS_PER_POOL
        if number != self.number:
            self.number, self.pool = number, self.load(number)
        group = rng.integers(GROUPS)
        chosen = rng.permutation(MEMBERS)[:count]
        pair = torch.stack([self.pool["restored"][group][chosen], self.pool["clean"][group][chosen]])
        top, left = rng.integers(0, SIDE - size + 1, 2)
        pair = pair[..., top : top + size, left : left + size].float() / 255
        if rng.random() < 0.5:
            pair = pair.flip(-1)
        if rng.random() < 0.5:
            pair = pair.transpose(-1, -2)
        return pair[0].contiguous(), pair[1].contiguous()
