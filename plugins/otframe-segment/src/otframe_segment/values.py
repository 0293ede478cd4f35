"""`Scribbles` and `Segmentation`: what is known of regions, and the regions found."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from otframe.errors import DataError
from otframe.values import SolveInfo, Value

__all__ = ["COLOURS", "Scribbles", "Segmentation"]

COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (1.0, 0.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
    "green": (0.0, 1.0, 0.0),
    "yellow": (1.0, 1.0, 0.0),
    "magenta": (1.0, 0.0, 1.0),
    "cyan": (0.0, 1.0, 1.0),
    "white": (1.0, 1.0, 1.0),
}
"""What scribbles are drawn in: the order is that of the regions."""


@dataclass(frozen=True, eq=False)
class Scribbles(Value):
    """Pixels whose region is known.

    Parameters
    ----------
    labels : torch.Tensor
        Shape `(H, W)`, int64: a region's number, -1 where nothing is known.
    names : tuple of str
        The regions' names.
    """

    labels: torch.Tensor
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        _labelled(self.labels, self.names, -1)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return int(self.labels.shape[0]), int(self.labels.shape[1])


@dataclass(frozen=True, eq=False)
class Segmentation(Value):
    """The regions of an image.

    Parameters
    ----------
    labels : torch.Tensor
        Shape `(H, W)`, int64: the region of each pixel.
    relaxed : torch.Tensor
        Shape `(K, H, W)`, float32, in [0, 1], of sum 1: what the convex problem gave before each pixel went to its
        largest region.
    names : tuple of str
        The K regions' names.
    palette : torch.Tensor
        Shape `(M, d)`, float32: the colours that histograms count, as points that costs are distances of.
    histograms, exemplars : torch.Tensor
        Shape `(K, M)`, float64, rows of sum 1 (or 0 where a region is empty): of the regions found, and what they were
        to be like; a region without an exemplar has a row of zeros.
    energy : float
        What was made small: perimeter and transport, in the cost of a wholly strange colour at every pixel.
    info : SolveInfo
        How the solver ended; the residual is the duality gap, in units of the energy.
    """

    labels: torch.Tensor
    relaxed: torch.Tensor
    names: tuple[str, ...]
    palette: torch.Tensor
    histograms: torch.Tensor
    exemplars: torch.Tensor
    energy: float
    info: SolveInfo

    def __post_init__(self) -> None:
        _labelled(self.labels, self.names, 0)
        count = len(self.names)
        if self.relaxed.shape != (count, *self.labels.shape):
            raise DataError(
                f"relaxed regions have the shape (K, H, W) = {(count, *self.labels.shape)}, "
                f"got {tuple(self.relaxed.shape)}"
            )
        if not bool(torch.isfinite(self.relaxed).all()):
            raise DataError("relaxed regions must be finite, got NaN or infinity")
        wanted = (count, len(self.palette))
        for name, part in (("histograms", self.histograms), ("exemplars", self.exemplars)):
            if part.shape != wanted:
                raise DataError(f"{name} have the shape (K, M) = {wanted}, got {tuple(part.shape)}")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return int(self.labels.shape[0]), int(self.labels.shape[1])

    @property
    def binary(self) -> float:
        """The share of pixels that the convex problem itself put into one region, to 0.95 of the pixel or more."""
        return float((self.relaxed.amax(0) >= 0.95).float().mean())

    def number(self, region: str) -> int:
        """The number of a region; `DataError` where there is none of that name."""
        if region not in self.names:
            raise DataError(f"there is no region '{region}'", hint=f"regions: {', '.join(self.names)}")
        return self.names.index(region)


def _labelled(labels: torch.Tensor, names: tuple[str, ...], least: int) -> None:
    if labels.ndim != 2 or labels.dtype != torch.int64 or not labels.numel():
        raise DataError(f"labels are int64 (H, W), got {labels.dtype} {tuple(labels.shape)}")
    if len(set(names)) != len(names):
        raise DataError(f"regions have names of their own, got {', '.join(names)}")
    low, high = int(labels.min()), int(labels.max())
    if low < least or high >= len(names):
        raise DataError(f"labels go from {least} to {len(names) - 1}, got {low} to {high}")
