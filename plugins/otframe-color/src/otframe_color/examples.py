"""Small examples of the plugin's values, for tests."""

from __future__ import annotations

import torch

from otframe.values import AffineMap, SolveInfo
from otframe_color.cloud_value import ColorCloud
from otframe_color.lut import Lut
from otframe_color.maps import FittedMap

__all__ = ["cloud", "fitted", "lut"]


def cloud(seed: int) -> ColorCloud:
    """300 colours about one, weighted."""
    rng = torch.Generator().manual_seed(seed)
    centre, axes = torch.rand(3, generator=rng) * 0.4 + 0.3, torch.randn(3, 3, generator=rng) * 0.08
    points = centre + torch.randn(300, 3, generator=rng) @ axes
    weights = torch.rand(300, generator=rng) + 0.1
    return ColorCloud(points.clamp(0, 1), weights / weights.sum())


def fitted(seed: int) -> FittedMap:
    """An affine map near the identity."""
    rng = torch.Generator().manual_seed(seed)
    matrix = torch.eye(3, dtype=torch.float64) + 0.1 * torch.randn(3, 3, generator=rng, dtype=torch.float64)
    shift = 0.05 * torch.randn(3, generator=rng, dtype=torch.float64)
    return FittedMap(AffineMap(0.01, SolveInfo(), matrix, shift), "srgb")


def lut(seed: int) -> Lut:
    """A table near the identity."""
    rng = torch.Generator().manual_seed(seed)
    steps = torch.linspace(0, 1, 5)
    table = torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij"), -1)
    return Lut(table + 0.05 * torch.randn(table.shape, generator=rng), torch.zeros(3), torch.ones(3))
