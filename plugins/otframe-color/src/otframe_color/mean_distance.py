"""`color.mean_distance`: how far the mean colours of two palettes are apart."""

from __future__ import annotations

from typing import ClassVar

from otframe.errors import DataError
from otframe.interfaces import Transform
from otframe.values import PointCloud, Scalar

__all__ = ["MeanDistance"]


class MeanDistance(Transform):
    """The Euclidean distance between the means of two clouds: no transport between them costs less, root mean square.

    Quick, and blind to all but the mean; `sliced.distance` sees everything.
    """

    references: ClassVar[tuple[str, ...]] = ("gelbrich1990formula",)

    def __call__(self, source: PointCloud, target: PointCloud) -> Scalar:
        """The distance, in the units of the points; `DataError` where the dimensions differ or something is NaN."""
        if source.dim != target.dim:
            raise DataError(f"both clouds must be in one dimension, got {source.dim} and {target.dim}")
        return Scalar(float((source.moments().mean - target.moments().mean).norm()), "distance of means")
