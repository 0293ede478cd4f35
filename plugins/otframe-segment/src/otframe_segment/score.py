"""`segment.score`: regions found against regions that are known."""

from __future__ import annotations

from typing import ClassVar

import torch

from otframe.errors import DataError
from otframe.interfaces import Component, Transform
from otframe.values import Image, Table
from otframe_segment.values import COLOURS, Segmentation

__all__ = ["Score"]


class Score(Transform):
    """Score a segmentation: intersection over union of each region with the true one [jaccard1912distribution]_.

    The truth is a mask, light where the first region (or the one named) is and dark elsewhere; or, in colour, each
    region in the colour of its scribbles: red, blue, green, yellow, magenta, cyan, white.
    """

    references: ClassVar[tuple[str, ...]] = ("jaccard1912distribution",)

    region: str = ""
    """What is light in a grey truth; empty for the first region."""

    title: str = "Regions"
    """Caption of the table."""

    @classmethod
    def examples(cls) -> list[Component]:
        """The default, and a named region."""
        return [cls(), cls(region="background")]

    def __call__(self, segmentation: Segmentation, truth: Image) -> Table:
        """A row for each region and the mean of all.

        Intersection over union, precision (the part of what was found that is right) and recall (the part of what is
        there that was found), each from 0 to 1; a cell is empty where nothing was found or is there. `DataError` where
        sizes differ or the truth is not finite.
        """
        if truth.size != segmentation.size:
            raise DataError(f"the truth has the size {truth.size}, the segmentation {segmentation.size}", port="truth")
        if not bool(torch.isfinite(truth.pixels).all()):
            raise DataError("the truth must be finite, got NaN or infinity", port="truth")
        pairs = self._pairs(segmentation, truth.pixels)
        rows = [(name, *_measured(found, wanted)) for name, found, wanted in pairs]
        means = [_mean([row[column] for row in rows]) for column in (1, 2, 3)]
        columns = ("region", "IoU", "precision", "recall")
        return Table(columns, (*rows, ("all", *means)), self.title, ("", "higher", "higher", "higher"))

    def _pairs(self, segmentation: Segmentation, pixels: torch.Tensor) -> list[tuple[str, torch.Tensor, torch.Tensor]]:
        labels = segmentation.labels
        first = segmentation.number(self.region) if self.region else 0
        if pixels.shape[0] != 3 or float((pixels.amax(0) - pixels.amin(0)).amax()) < 0.5:
            light, own = pixels.mean(0) > 0.5, labels == first
            others = [name for name in segmentation.names if name != segmentation.names[first]]
            rest = others[0] if len(others) == 1 else "elsewhere"
            return [(segmentation.names[first], own, light), (rest, ~own, ~light)]
        on = (pixels > 0.5).long()
        code = on[0] * 4 + on[1] * 2 + on[2]
        wanted = [int(red * 4 + green * 2 + blue) for red, green, blue in COLOURS.values()]
        return [(name, labels == k, code == wanted[k]) for k, name in enumerate(segmentation.names) if k < len(wanted)]


def _measured(found: torch.Tensor, wanted: torch.Tensor) -> tuple[float | None, float | None, float | None]:
    both, either = int((found & wanted).sum()), int((found | wanted).sum())
    return tuple(both / size if size else None for size in (either, int(found.sum()), int(wanted.sum())))  # type: ignore[return-value]


def _mean(cells: list[float | None]) -> float | None:
    known = [cell for cell in cells if cell is not None]
    return sum(known) / len(known) if known else None
