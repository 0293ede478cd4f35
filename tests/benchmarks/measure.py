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

__all__ = ["COLUMNS", "Measure"]

COLUMNS = {"PSNR": 2, "SSIM": 3, "LPIPS": 3, "FD4": 0, "FD10": 0, "KIDx1000": 1, "patch Frechet x1000": 1}
"""Column, and the digits that are told."""
SUBSETS = 200
"""Random subsets, of five sixths of the photographs, that the spread of a KID is taken over."""


class Measure:
    """Measures sets of images against one set of truths.

    Everything is clipped to [0, 1] first, as it would be on writing. PSNR, SSIM and the patch Frechet distance are
    otframe's metrics. FD4 and FD10 take each position of the feature map as a sample, 8 and 16 pixels apart; KID takes
    the head's map pooled over the photograph, one vector a photograph.
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
        clipped = _clipped(images)
        table = self._metrics(images=clipped, truth=self._truth)["table"]
        psnr, ssim, patches = (float(value) for value in table.rows[-1][1:])
        lpips = np.mean([self._lpips(clipped[key].pixels, self._truth[key].pixels) for key in self._truth])
        found = self._features(clipped)
        fd4, fd10 = (frechet(found[block], self._wanted[block]) for block in (4, 10))
        distance = kid(found["head"], self._wanted["head"])
        return dict(zip(COLUMNS, (psnr, ssim, float(lpips), fd4, fd10, distance, patches), strict=True))

    def kid_difference(self, one: Mapping[str, Image], other: Mapping[str, Image]) -> tuple[float, float]:
        """KID x 1000 of `one` minus that of `other`, and its standard deviation over subsets of the photographs."""
        heads = [self._features(_clipped(images))["head"] for images in (one, other)]
        truth, rng = self._wanted["head"], np.random.default_rng(0)
        found = []
        for _ in range(SUBSETS):
            chosen = rng.permutation(len(truth))[: max(len(truth) * 5 // 6, 2)]
            found.append(kid(heads[0][chosen], truth[chosen]) - kid(heads[1][chosen], truth[chosen]))
        return kid(heads[0], truth) - kid(heads[1], truth), float(np.std(found))

    def _features(self, images: Mapping[str, Image]) -> dict[int | str, np.ndarray]:
        found: dict[int | str, list[np.ndarray]] = {4: [], 10: [], "head": []}
        for key in self._truth:
            maps = self._net(images[key].pixels[None])
            maps["head"] = functional.adaptive_avg_pool2d(maps["head"], 1)
            for layer, samples in found.items():
                samples.append(_rows(maps[layer]))
        return {layer: np.concatenate(samples) for layer, samples in found.items()}


def _clipped(images: Mapping[str, Image]) -> dict[str, Image]:
    return {key: image.with_grid(image.pixels.clamp(0, 1)) for key, image in images.items()}


def _rows(maps: torch.Tensor) -> np.ndarray:
    return maps[0].flatten(1).T.double().numpy()
