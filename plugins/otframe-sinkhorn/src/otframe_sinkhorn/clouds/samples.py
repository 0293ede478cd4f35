"""Samples of the plugin's values between points, for the conformance kit."""

from __future__ import annotations

import torch

from otframe.values import PointCloud, SolveInfo
from otframe_sinkhorn.clouds.potentials import PointPotentials

__all__ = ["point_potentials"]


def point_potentials(seed: int) -> PointPotentials:
    """The plan between 40 points in 12 dimensions and as many others, with a blur so large that it is their product."""
    random = torch.Generator().manual_seed(seed + 1)
    points = [torch.randn(40, 12, generator=random, dtype=torch.float64) + seed % 7 for _ in range(2)]
    weights = torch.full((40,), 1 / 40, dtype=torch.float64)
    source, target = (PointCloud(part, weights) for part in points)
    zero = torch.zeros(40, dtype=torch.float64)
    cost = float(torch.cdist(points[0], points[1]).square().mean())
    return PointPotentials(cost, SolveInfo(), zero, zero, source, target, 1e9, "squared", None, cost)
