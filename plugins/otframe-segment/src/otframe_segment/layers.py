"""One image at several sizes: colours of pixels, what boundaries cost, and which pixels are known."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from otframe.values import Image
from otframe_segment.features import described
from otframe_segment.palette import nearest
from otframe_segment.solve import Grid

__all__ = ["REFERENCE", "View", "boundary_cost", "fitted_size", "shrunk", "shrunk_labels"]

REFERENCE = 512
"""The longer side of an image on which a boundary of one pixel costs what `smoothness` says."""

_LEAST = 48


@dataclass(frozen=True, eq=False)
class View:
    """An image as the solver sees it, at the size it is solved at.

    Parameters
    ----------
    features : torch.Tensor
        Shape `(d, H, W)`, float32.
    labels : torch.Tensor
        Shape `(H, W)`, int64: scribbles, -1 elsewhere.
    strokes : torch.Tensor
        Shape `(K, H, W)`, float32: which part of each pixel is under the strokes of each region.
    """

    features: torch.Tensor
    labels: torch.Tensor
    strokes: torch.Tensor

    @classmethod
    def of(cls, image: Image, labels: torch.Tensor, regions: int, side: int, texture: float) -> View:
        """The image, no longer than `side`, with labels `(H, W)` of its own size."""
        size = fitted_size(image.size, side)
        features = described(image.with_grid(shrunk(image.pixels, size)), texture)
        seen = None if image.alpha is None else shrunk(image.alpha[None].float(), size)[0]
        strokes = torch.stack([shrunk((labels == k).float()[None], size)[0] for k in range(regions)])
        strokes = strokes if seen is None else strokes * (seen > 0)
        return cls(features, shrunk_labels(labels, regions, size), strokes)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return int(self.labels.shape[0]), int(self.labels.shape[1])

    def sizes(self) -> list[tuple[int, int]]:
        """Sizes to solve at, each half of the next, the coarsest first."""
        found = [self.size]
        while max(found[-1]) >= 2 * _LEAST and min(found[-1]) >= 2:
            found.append(((found[-1][0] + 1) // 2, (found[-1][1] + 1) // 2))
        return found[::-1]

    def bins(self, palette: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """The colour of each pixel at a size, `(H, W)` int64."""
        features = shrunk(self.features, size)
        return nearest(features.flatten(1).T, palette).reshape(size)

    def grid(
        self,
        palette: torch.Tensor,
        size: tuple[int, int],
        smoothness: float,
        edges: float,
        start: torch.Tensor | None,
    ) -> Grid:
        """The solver's state at a size, from soft regions of any size."""
        features = shrunk(self.features, size)
        bins = nearest(features.flatten(1).T, palette).reshape(size)
        regions = len(self.strokes)
        bound = boundary_cost(features, smoothness * max(size) / REFERENCE, edges)
        if start is not None and start.shape[1:] != torch.Size(size):
            start = F.interpolate(start[None], size=size, mode="bilinear", align_corners=False)[0]
        return Grid(bins, len(palette), bound, shrunk_labels(self.labels, regions, size), regions, start)


def fitted_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """The size of an image made no longer than `side`."""
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def shrunk(planes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Means over the pixels that fall into each pixel of a smaller image, `(C, h, w)`."""
    if planes.shape[1:] == torch.Size(size):
        return planes
    return F.adaptive_avg_pool2d(planes[None].float(), size)[0]


def shrunk_labels(labels: torch.Tensor, regions: int, size: tuple[int, int]) -> torch.Tensor:
    """Labels at a smaller size: a pixel is of the region with the most strokes in it, -1 where there are none."""
    if labels.shape == torch.Size(size):
        return labels
    shares = torch.stack([shrunk((labels == k).float()[None], size)[0] for k in range(regions)])
    most, which = shares.max(0)
    return torch.where(most > 0, which, torch.full_like(which, -1))


def boundary_cost(features: torch.Tensor, cost: float, edges: float) -> torch.Tensor:
    """What a boundary costs at each pixel, `(H, W)`: less where the colours change, down to a tenth."""
    if edges == 0 or min(features.shape[1:]) < 2:
        return torch.full_like(features[0], cost)
    colours = features[:3]
    x, y = colours.diff(dim=2).square().sum(0), colours.diff(dim=1).square().sum(0)
    usual = 0.5 * (x.mean() + y.mean())
    change = F.pad(x, (0, 1)) + F.pad(y, (0, 0, 0, 1))
    return cost * (0.1 + 0.9 * torch.exp(-edges * change / (2 * usual).clamp(min=1e-12)))
