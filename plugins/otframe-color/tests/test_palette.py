"""Palettes: k-means of weighted points."""

from __future__ import annotations

import numpy as np
import torch
from otframe_color.palette import palette
from scipy.cluster.vq import kmeans2


def spread(points: torch.Tensor, weights: torch.Tensor, means: torch.Tensor) -> float:
    return float((torch.cdist(points, means).square().amin(1) * weights).sum())


def cloud(count: int = 2000) -> tuple[torch.Tensor, torch.Tensor]:
    random = np.random.default_rng(0)
    points = torch.from_numpy(random.normal(size=(count, 3)) * [1, 0.3, 0.1] + random.integers(3, size=(count, 1)))
    weights = torch.from_numpy(random.random(count))
    return points, weights / weights.sum()


def test_a_palette_is_as_good_as_scipys():
    points, _ = cloud()
    weights = torch.full((len(points),), 1 / len(points), dtype=torch.float64)
    means, mass = palette(points, weights, 30, torch.Generator().manual_seed(0))
    start = points[np.random.default_rng(0).choice(len(points), 30, replace=False)].numpy()
    peer, _ = kmeans2(points.numpy(), start, iter=50, minit="matrix")
    assert spread(points, weights, means) < 1.1 * spread(points, weights, torch.from_numpy(peer))
    assert len(means) == 30
    assert torch.allclose(mass.sum(), torch.ones((), dtype=torch.float64))


def test_weight_draws_the_palette():
    """Where nearly all mass is in one half of the points, nearly all colours go there."""
    points, _ = cloud()
    weights = torch.where(points[:, 0] > points[:, 0].median(), 1.0, 1e-6).double()
    weights = weights / weights.sum()
    means, _ = palette(points, weights, 20, torch.Generator().manual_seed(0))
    even, _ = palette(points, torch.full_like(weights, 1 / len(points)), 20, torch.Generator().manual_seed(0))
    assert spread(points, weights, means) < 0.8 * spread(points, weights, even)


def test_mean_and_mass_are_kept():
    points, weights = cloud()
    means, mass = palette(points, weights, 12, torch.Generator().manual_seed(0))
    assert torch.allclose(mass @ means, weights @ points)


def test_few_points_stand_for_themselves():
    points, weights = cloud(7)
    means, mass = palette(points, weights, 7, torch.Generator())
    assert torch.equal(means, points)
    assert torch.equal(mass, weights)


def test_points_that_coincide_are_one():
    points = torch.tensor([[0.0, 0, 0], [1, 1, 1]], dtype=torch.float64).repeat(50, 1)
    means, mass = palette(points, torch.full((100,), 0.01, dtype=torch.float64), 10, torch.Generator().manual_seed(0))
    assert sorted(means[:, 0].tolist()) == [0, 1]
    assert torch.allclose(mass, torch.full_like(mass, 0.5))


def test_large_clouds_are_thinned_and_still_stood_for():
    points = torch.rand(100_000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = torch.full((100_000,), 1e-5, dtype=torch.float64)
    means, _ = palette(points, weights, 27, torch.Generator().manual_seed(0))
    assert spread(points, weights, means) < 3 * (1 / 3) ** 2 / 12 * 1.1
