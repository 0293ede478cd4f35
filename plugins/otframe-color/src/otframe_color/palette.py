"""Clouds of colours made ready for small problems: checked, and replaced by palettes of weighted means."""

from __future__ import annotations

import torch

from otframe.errors import DataError
from otframe.values import PointCloud

__all__ = ["masses", "palette"]

_DRAWN = 16384
_ROUNDS = 20


def masses(cloud: PointCloud, port: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Points `(n, d)` and weights `(n,)` that sum to 1, float64, without points of no weight.

    `DataError` where something is not finite, a weight is negative, or none positive.
    """
    points = cloud.points.to(torch.float64)
    if not bool(torch.isfinite(points).all()):
        raise DataError("points are finite, got NaN or infinity", port=port)
    if cloud.weights is None:
        return points, torch.full_like(points[:, 0], 1 / len(points))
    weights = cloud.weights.to(points)
    if not bool(torch.isfinite(weights).all()) or bool((weights < 0).any()):
        raise DataError("weights are finite and not negative, got others", port=port)
    largest = weights.max()
    if not bool(largest > 0):
        raise DataError("all weights are zero: there is no mass to transport", port=port)
    held = weights / largest
    kept = held > 0
    return points[kept], held[kept] / held.sum()


def palette(
    points: torch.Tensor, weights: torch.Tensor, count: int, rng: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """At most `count` weighted means that stand for a cloud, `(k, d)` and `(k,)`: k-means [arthur2007kmeans]_.

    The first means are drawn far apart, and large clouds are thinned before. Fewer points than that stand for
    themselves. The mean of the cloud is kept, up to the thinning.
    """
    if len(points) <= count:
        return points, weights
    if len(points) > _DRAWN:
        points, weights = _thinned(points, weights, rng)
    means = _seeded(points, weights, count, rng)
    group = torch.zeros_like(weights, dtype=torch.int64)
    for turn in range(_ROUNDS):
        nearest = _nearest(points, means)
        if turn and bool((nearest == group).all()):
            break
        group = nearest
        means, _ = _means(points, weights, group, means)
    return _held(*_means(points, weights, group, means))


def _thinned(points: torch.Tensor, weights: torch.Tensor, rng: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Points of equal mass, one drawn of each of many equal parts of the whole."""
    places = (
        torch.arange(_DRAWN, dtype=torch.float64) + torch.rand(_DRAWN, generator=rng, dtype=torch.float64)
    ) / _DRAWN
    index = torch.searchsorted(weights.cumsum(0), places.to(weights)).clamp_(max=len(points) - 1)
    return points[index], torch.full_like(weights[:_DRAWN], 1 / _DRAWN)


def _seeded(points: torch.Tensor, weights: torch.Tensor, count: int, rng: torch.Generator) -> torch.Tensor:
    """Points drawn one by one, by weight and squared distance to the nearest drawn; fewer where no others are left."""
    levels = torch.rand(count, generator=rng, dtype=torch.float64).to(weights)
    chosen: list[torch.Tensor] = []
    odds = weights
    nearest = torch.full_like(weights, torch.inf)
    for level in levels:
        total = odds.cumsum(0)
        if not bool(total[-1] > 0):
            break
        at = torch.searchsorted(total, (level * total[-1])[None], right=True).clamp_(max=len(points) - 1)
        chosen.append(points[at])
        nearest = torch.minimum(nearest, (points - chosen[-1]).square().sum(1))
        odds = weights * nearest
    return torch.cat(chosen)


def _nearest(points: torch.Tensor, means: torch.Tensor) -> torch.Tensor:
    """The number of the mean that each point is nearest to."""
    centre = means.mean(0)
    near, far = means - centre, points - centre
    return (near.square().sum(1) - 2 * far @ near.T).argmin(1)


def _means(
    points: torch.Tensor, weights: torch.Tensor, group: torch.Tensor, old: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean and mass of each group; an empty one stays where it was."""
    mass = torch.zeros_like(old[:, 0]).index_add_(0, group, weights)
    sums = torch.zeros_like(old).index_add_(0, group, points * weights[:, None])
    held = (mass > 0)[:, None]
    return torch.where(held, sums / torch.where(held, mass[:, None], torch.ones_like(sums)), old), mass


def _held(means: torch.Tensor, mass: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    kept = mass > 0
    return means[kept], mass[kept] / mass[kept].sum()
