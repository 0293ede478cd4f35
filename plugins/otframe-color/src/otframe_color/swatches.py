"""`color.swatches`: palettes as strips of colour, to look at."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import cv2
import numpy as np
import torch
from pydantic import Field as Parameter

from otframe.errors import DataError
from otframe.interfaces import Component, Context, Transform
from otframe.values import Image
from otframe_color.cloud_value import ColorCloud
from otframe_color.spaces import converted

__all__ = ["Swatches"]

_GAP = 6
_DRAWN = 4096


class Swatches(Transform):
    """Palettes as strips, one below the other as they are wired: their main colours, each as wide as its share.

    Colours are joined by k-means in Oklab and shown from dark to light; those outside of the display range at its edge.
    """

    references: ClassVar[tuple[str, ...]] = ("ottosson2020perceptual",)

    colors: int = Parameter(default=24, ge=1, le=256)
    """Main colours of each palette; fewer where it has fewer."""

    width: int = Parameter(default=960, ge=16, le=8192)
    """Of the picture, in pixels."""

    height: int = Parameter(default=64, ge=4, le=2048)
    """Of each strip, in pixels."""

    @classmethod
    def examples(cls) -> list[Component]:
        """The default; small strips."""
        return [cls(), cls(colors=4, width=60, height=8)]

    def __call__(self, clouds: Mapping[str, ColorCloud], *, ctx: Context) -> Image:
        """The picture, 8 bits; `DataError` where a colour is not finite.

        Parameters
        ----------
        clouds : mapping of str to ColorCloud
            The palettes, in any working spaces.
        ctx : Context
            Starting points are drawn from it.
        """
        if not clouds:
            raise DataError("there is no palette to show: wanted one at least", port="clouds")
        seed = int(torch.randint(2**31 - 1, (), generator=ctx.rng))
        strips = [self._strip(cloud, seed) for cloud in clouds.values()]
        gap = np.ones((_GAP, self.width, 3), np.float32)
        sheet = np.concatenate([part for strip in strips for part in (strip, gap)][:-1])
        made = Image.from_numpy(sheet, meta=MappingProxyType({"depth": "uint8"}))
        return made.with_grid(made.pixels.to(next(iter(clouds.values())).points.device))

    def _strip(self, cloud: ColorCloud, seed: int) -> np.ndarray:
        cloud.moments()  # refuses what is not finite
        lab = converted(cloud.points.double(), cloud.space, "oklab").cpu().numpy().astype(np.float32)
        weights = np.ones(len(lab)) if cloud.weights is None else cloud.weights.double().cpu().numpy()
        random = np.random.default_rng(seed)
        drawn = lab[random.choice(len(lab), _DRAWN, p=weights / weights.sum())]
        count = min(self.colors, len(np.unique(drawn, axis=0)))
        cv2.setRNGSeed(seed)
        criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 40, 1e-4)
        _, labels, centres = cv2.kmeans(drawn, count, None, criteria, 2, cv2.KMEANS_PP_CENTERS)
        order = np.argsort(centres[:, 0])
        shares = np.bincount(labels[:, 0], minlength=count)[order]
        ends = np.rint(np.cumsum(shares) / shares.sum() * self.width).astype(int)
        colors = converted(torch.from_numpy(centres[order]).double(), "oklab", "srgb").clamp(0, 1).float().numpy()
        row = np.repeat(colors, np.diff(ends, prepend=0), axis=0)
        return np.repeat(row[None], self.height, axis=0)
