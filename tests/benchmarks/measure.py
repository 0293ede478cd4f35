"""The columns of the restoration benchmark, of images against the truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from distances import frechet, kid
from features import EfficientNetLite0
from lpips import Lpips
from torch.nn import functional

from otframe import Image, Pipeline
from otframe.graph import Builder

__all__ = ["COLUMNS", "KID_WINDOW", "Measure"]

COLUMNS = {"PSNR": 2, "SSIM": 3, "LPIPS": 3, "FD4": 0, "FD10": 0, "KIDx1000": 1, "patch Frechet x1000": 1}
"""Column, and the digits that are told."""
KID_WINDOW = 3
"""Side of the windows of the head's map that are pooled: 3 positions of 32 pixels."""


class Measure:
    """Measures sets of images against one set of truths.

    Everything is clipped to [0, 1] first, as it would be on writing. PSNR, SSIM and the patch Frechet distance are
    otframe's metrics. FD4 and FD10 take each position of the feature map as a sample, 8 and 16 pixels apart; KID takes
    the means over all overlapping windows of 96 x 96 pixels, moved by 32, of the head's map of the whole photograph:
    photographs cut up before the network would be measured by their borders' padding.
    """

    def __init__(self, data: Path, truth: Mapping[str, Image]) -> None:
        self._net = EfficientNetLite0(data / "models/features/efficientnet_lite0_fp16.safetensors")
        self._lpips = Lpips(data / "models/features/lpips_alexnet_fp16.safetensors")
        self._truth = dict(truth)
        self._wanted = self._features(self._truth)
        b = Builder("Metrics")
        images, truths = b.input("images", "Image[]"), b.input("truth", "Image[]")
        b.output("table", b.node("table", "metric.table", images, {"reference": truths}, join="key"))
        self._metrics = Pipeline(b.document())

    def __call__(self, images: Mapping[str, Image]) -> dict[str, float]:
        """One row: a number a column."""
        clipped = {key: image.with_grid(image.pixels.clamp(0, 1)) for key, image in images.items()}
        table = self._metrics(images=clipped, truth=self._truth)["table"]
        psnr, ssim, patches = (float(value) for value in table.rows[-1][1:])
        lpips = np.mean([self._lpips(clipped[key].pixels, self._truth[key].pixels) for key in self._truth])
        found = self._features(clipped)
        fd4, fd10 = (frechet(found[block], self._wanted[block]) for block in (4, 10))
        distance = kid(found["head"], self._wanted["head"])
        return dict(zip(COLUMNS, (psnr, ssim, float(lpips), fd4, fd10, distance, patches), strict=True))

    def _features(self, images: Mapping[str, Image]) -> dict[int | str, np.ndarray]:
        found: dict[int | str, list[np.ndarray]] = {4: [], 10: [], "head": []}
        for key in self._truth:
            maps = self._net(images[key].pixels[None])
            maps["head"] = functional.avg_pool2d(maps["head"], KID_WINDOW, stride=1)
            for layer, samples in found.items():
                samples.append(_rows(maps[layer]))
        return {layer: np.concatenate(samples) for layer, samples in found.items()}


def _rows(maps: torch.Tensor) -> np.ndarray:
    return maps[0].flatten(1).T.double().numpy()
