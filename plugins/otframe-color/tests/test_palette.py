"""Palettes: k-means of weighted points."""

from __future__ import annotations

import numpy as np
import torch
from otframe_color.palette import palette
from sklearn.cluster import KMeans


def spread(points: torch.Tensor, weights: torch.Tensor, means: torch.Tensor) -> float:
    return float((torch.cdist(points, means).square().amin(1) * weights).sum())


def cloud(count: int = 2000) -> tuple[torch.Tensor, torch.Tensor]:
    random = np.random.default_rng(0)
    points = torch.from_numpy(random.normal(size=(count, 3)) * [1, 0.3, 0.1] + random.integers(3, size=(count, 1)))
    weights = torch.from_numpy(random.random(count))
    return points, weights / weights.sum()


def test_a_palette_is_as_good_as_scikit_learns():
    points, weights = cloud()
    means, mass = palette(points, weights, 30, torch.Generator().manual_seed(0))
    peer = KMeans(30, n_init=1, random_state=0).fit(points.numpy(), sample_weight=weights.numpy())
    assert spread(points, weights, means) < 1.1 * spread(points, weights, torch.from_numpy(peer.cluster_centers_))
    assert len(means) == 30
    assert torch.allclose(mass.sum(), torch.ones((), dtype=torch.float64))


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
