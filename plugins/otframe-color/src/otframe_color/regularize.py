"""`color.regularize`: a change of colours made as regular as the image is."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field as Parameter

from otframe.interfaces import Component, Transform
from otframe.values import Image
from otframe_color.alike import check_alike
from otframe_color.guided import guided
from otframe_color.map_filter import averaged

__all__ = ["Regularize"]

_TIMES = {"guided": 1, "map": 4}
_CELLS = 6
"""Cells that the radius is made of, where it has more pixels than that."""


class Regularize(Transform):
    r"""The displacement of the colours, made regular by the image's own colours.

    A map of colours may move like colours apart: noise grows, smooth skies fall into bands, and blocks of compression
    show. What it does to each pixel, `M = moved - image`, is therefore filtered, led by the image, and added to the
    image again, so that the detail of the image is kept whatever the map made of it [rabin2011removing]_.

    The `guided` filter [he2013guided]_ makes the displacement a locally affine function of the image's colours. It
    takes the same time at any radius; of large radii its statistics are kept for cells of pixels [he2015fast]_. The
    `map` method is the paper's: the mean over near pixels of nearly the same colour, several times over. It keeps edges
    sharper and takes longer.
    """

    references: ClassVar[tuple[str, ...]] = ("rabin2011removing", "he2013guided", "he2015fast")

    method: Literal["guided", "map"] = "guided"
    """How the displacement is filtered."""

    radius: float = Parameter(default=0.02, gt=0.0, le=0.5)
    """Reach of the filter, as a part of the shorter side of the image; a pixel at least."""

    sigma: float = Parameter(default=0.05, gt=0.0, le=1e6)
    """How far apart colours are that may move in different ways, in units of the display range: differences well below
    it count as noise."""

    iterations: int | None = Parameter(default=None, ge=1, le=100)
    """How often the displacement is filtered; absent, once by the guided filter and four times by the other."""

    step: int | None = Parameter(default=None, ge=1, le=4096)
    """Of the guided filter: pixels on each side of the cells that statistics are kept for. 1 is the exact filter;
    absent, a sixth of the radius."""

    @classmethod
    def examples(cls) -> list[Component]:
        """Both methods, and the exact guided filter."""
        return [cls(), cls(method="map", radius=0.2, iterations=2), cls(radius=0.3, step=1)]

    def __call__(self, image: Image, moved: Image) -> Image:
        """Regularise.

        Parameters
        ----------
        image, moved : Image
            Before and after the change of colours: of one size and coding; one of them may be grey. `DataError`
            otherwise, and where pixels are NaN or infinite. Pixels count by the image's alpha.

        Returns
        -------
        Image
            As many channels as the one with more; alpha, space and metadata of `moved`. Nothing is clipped. Where the
            image is fully transparent it is as `moved`.
        """
        check_alike(image, moved)
        before = image.pixels.to(torch.float32).detach().cpu().numpy()
        after = moved.pixels.to(torch.float32).detach().cpu().numpy()
        change = after - before
        if not change.any():
            return moved if moved.channels >= image.channels else self._as(moved, image, change + before)
        weight = None if image.alpha is None else image.alpha.to(torch.float32).detach().cpu().numpy()
        radius = max(1, round(self.radius * min(image.size)))
        for _ in range(self.iterations or _TIMES[self.method]):
            change = self._filtered(before, change, weight, radius)
        change += before
        if weight is not None:
            np.copyto(change, after, where=weight <= 0)
        return self._as(moved, image, change)

    def _filtered(self, guide: np.ndarray, change: np.ndarray, weight: np.ndarray | None, radius: int) -> np.ndarray:
        if self.method == "map":
            return averaged(guide, change, weight, radius=radius, sigma=self.sigma)
        step = min(self.step or max(1, radius // _CELLS), max(guide.shape[1:]))
        return guided(guide, change, weight, radius=radius, variance=self.sigma**2, step=step)

    @staticmethod
    def _as(moved: Image, image: Image, made: np.ndarray) -> Image:
        space = moved.space if moved.channels >= image.channels else image.space
        return replace(moved, pixels=torch.from_numpy(made).to(moved.pixels), space=space)
