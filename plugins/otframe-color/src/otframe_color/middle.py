"""`color.middle`: a barycentre that knows means and spreads alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch

from otframe.errors import DataError
from otframe.interfaces import Solver
from otframe.values import GaussianLaw

__all__ = ["Middle"]


class Middle(Solver):
    """The barycentre of laws whose coordinates do not depend on each other: mean means, mean standard deviations.

    The counterpart of `color.reinhard`.
    """

    references: ClassVar[tuple[str, ...]] = ("reinhard2001color", "agueh2011barycenters")
    weights: tuple[float, ...] | None = None
    """Weight of each law, in order; scaled to sum 1. Equal where absent."""

    def solve(self, laws: Sequence[GaussianLaw]) -> GaussianLaw:
        """The barycentre, with a diagonal covariance; `DataError` where weights or dimensions do not fit."""
        if len({law.dim for law in laws}) != 1:
            raise DataError("a barycentre needs at least one law, and all in one dimension")
        given = self.weights or (1.0,) * len(laws)
        if len(given) != len(laws) or min(given) < 0 or sum(given) <= 0:
            raise DataError(f"there are {len(laws)} laws and weights {given}: one for each, not all zero")
        shares = [weight / sum(given) for weight in given]
        mean, spread = torch.zeros_like(laws[0].mean), torch.zeros_like(laws[0].mean)
        for share, law in zip(shares, laws, strict=True):
            mean += share * law.mean.to(mean)
            spread += share * law.cov.diagonal().clamp(min=0).sqrt().to(mean)
        return GaussianLaw(mean, spread.square().diag(), sum(law.count for law in laws))
