"""`color.reinhard`: means and spreads alone."""

from __future__ import annotations

from typing import ClassVar

import torch

from otframe.errors import DataError
from otframe.interfaces import Component, Solver
from otframe.parts.solving import law_of
from otframe.values import AffineMap, PointCloud, SolveInfo

__all__ = ["Reinhard"]


class Reinhard(Solver):
    """Each coordinate's mean and standard deviation brought to those of the target [reinhard2001color]_.

    The optimal transport between Gaussian laws whose coordinates do not depend on each other. A coordinate without
    spread in the source is shifted only.
    """

    references: ClassVar[tuple[str, ...]] = ("reinhard2001color",)
    promises: ClassVar[tuple[str, ...]] = ("identity", "translation")
    carries: ClassVar[tuple[str, ...]] = ("mean", "variances")

    @classmethod
    def examples(cls) -> list[Component]:
        """It has no parameters."""
        return [cls()]

    def solve(self, source: PointCloud, target: PointCloud) -> AffineMap:
        """Find the map.

        Parameters
        ----------
        source, target : PointCloud
            In one dimension d, weighted or not. `DataError` where something is NaN or infinite.

        Returns
        -------
        AffineMap
            `A` is diagonal; `cost` is that between the Gaussian laws.
        """
        if source.dim != target.dim:
            raise DataError(f"both clouds must be in one dimension, got {source.dim} and {target.dim}")
        first, second = law_of(source), law_of(target)
        before, after = first.cov.diagonal().clamp(min=0).sqrt(), second.cov.diagonal().clamp(min=0).sqrt()
        # below rounding a spread is none: dividing by it would blow noise up
        flat = before <= 1e-7 * (1 + first.mean.abs())
        scale = torch.where(flat, torch.ones_like(before), after / torch.where(flat, torch.ones_like(before), before))
        cost = (second.mean - first.mean).square().sum() + (after - before).square().sum()
        shift = second.mean - scale * first.mean
        return AffineMap(float(cost), SolveInfo(), scale.diag(), shift)
