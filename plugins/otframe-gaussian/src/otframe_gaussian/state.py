"""The state of `gaussian.statistics` as a value, so that it can be stored and sent like any other."""

from __future__ import annotations

from dataclasses import dataclass

from otframe.numerics import Moments
from otframe.values import Value

__all__ = ["SampleMoments"]


@dataclass(frozen=True, eq=False)
class SampleMoments(Moments, Value):
    """Count, sum of squared weights, `mean` (d,) and `scatter` (d, d) of samples, float64, on a wire."""

    @classmethod
    def of(cls, moments: Moments) -> SampleMoments:
        """The same moments as a value."""
        return cls(moments.count, moments.squares, moments.mean, moments.scatter)
