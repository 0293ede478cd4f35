"""`exact.line`: against SciPy, sorting and the linear programme; on a circle against all shifts, and POT."""

from __future__ import annotations

import numpy as np
import ot
import pytest
import torch
from otframe_exact.line import LineTransport
from otframe_exact.network import NetworkTransport
from pydantic import ValidationError
from scipy.stats import wasserstein_distance

from otframe.errors import DataError
from otframe.testing.truths import quantile_cost, sorted_cost
from otframe.values import Density, PointCloud


def cloud(seed, n, *, weighted=True, scale=1.0, lattice=False):
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 6, n).astype(float) if lattice else rng.normal(size=n)
    weights = rng.random(n) * (rng.random(n) < 0.8) if weighted else np.ones(n)
    if weighted:
        weights[0] += 0.1
    return PointCloud(torch.from_numpy(points)[:, None] * scale, torch.from_numpy(weights / weights.sum()))


@pytest.mark.parametrize("p", [1.0, 1.7, 2.0, 5.0])
@pytest.mark.parametrize("lattice", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_plan_and_proof(kit, p, lattice, seed):
    source, target = cloud(seed, 3 + 7 * seed, lattice=lattice), cloud(seed + 9, 33 - 6 * seed, lattice=lattice)
    plan = LineTransport(p=p).solve(source, target)
    c = kit.costs(source, target, p)
    kit.proven(plan, source, target, c)
    assert plan.cost == pytest.approx(kit.optimum(source, target, c), rel=1e-7, abs=1e-12)
    assert plan.cost == pytest.approx(quantile_cost(source, target, p), rel=1e-9, abs=1e-12)
    assert len(plan.mass) <= source.count + target.count - 1
    if p == 1:
        x, y = (cloud.points[:, 0].numpy() for cloud in (source, target))
        assert plan.cost == pytest.approx(wasserstein_distance(x, y, source.weights, target.weights), rel=1e-9)


@pytest.mark.parametrize("n", [1, 2, 1000])
def test_uniform_points_are_sorted(n):
    source, target = cloud(0, n, weighted=False), cloud(1, n, weighted=False, scale=2.0)
    plan = LineTransport().solve(source, target)
    assert plan.cost == pytest.approx(sorted_cost(source.points[:, 0], target.points[:, 0]), rel=1e-12)
    assert len(plan.mass) == n  # no splinters of rounding
    moved = plan.as_map()(source.points)[:, 0]
    assert torch.allclose(moved[source.points[:, 0].argsort()], target.points[:, 0].sort().values)


def test_equal_weights_of_other_numbers_split_without_splinters():
    plan = LineTransport().solve(cloud(0, 30, weighted=False), cloud(1, 70, weighted=False))
    assert len(plan.mass) == 30 + 70 - 10
    assert float(plan.mass.min()) == pytest.approx(1 / 210)


@pytest.mark.parametrize("seed", range(5))
def test_the_map_is_monotone(seed):
    source, target = cloud(seed, 40), cloud(seed + 5, 25, scale=3.0)
    order = source.points[:, 0].argsort()
    held = source.weights[order] > 0
    moved = LineTransport().solve(source, target).as_map()(source.points)[order][held, 0]
    assert (moved.diff() >= -1e-12).all()


def test_one_hundred_thousand_points(kit):
    source, target = cloud(0, 100_000), cloud(1, 90_000, scale=1.5)
    for period in (None, 4.0):
        plan = LineTransport(period=period).solve(source, target)
        assert plan.info.residual <= 1e-12
        assert abs(plan.gap) <= 1e-9 * plan.cost
        left, right = plan.marginals()
        np.testing.assert_allclose(left.numpy(), kit.masses(source), atol=1e-14)
        np.testing.assert_allclose(right.numpy(), kit.masses(target), atol=1e-14)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.3])
@pytest.mark.parametrize("seed", range(12))
def test_circle_against_the_linear_programme(kit, p, seed):
    lattice = seed % 3 == 0
    source, target = cloud(seed, 1 + 2 * seed, lattice=lattice), cloud(seed + 9, 24 - 2 * seed, lattice=lattice)
    period = 2.5 if seed % 2 else 7.0
    plan = LineTransport(p=p, period=period).solve(source, target)
    c = kit.costs(source, target, p, period)
    kit.proven(plan, source, target, c)
    assert plan.cost == pytest.approx(kit.optimum(source, target, c), rel=1e-7, abs=1e-10)
    assert len(plan.mass) <= source.count + target.count


@pytest.mark.parametrize("p", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("seed", range(6))
def test_circle_against_every_shift_of_the_order(kit, p, seed):
    source, target = (cloud(seed + k, 9, weighted=False, scale=0.4) for k in (0, 20))
    x, y = (np.sort(np.mod(cloud.points[:, 0].numpy(), 1.0)) for cloud in (source, target))
    apart = [np.abs(x - np.roll(y, shift)) for shift in range(9)]
    best = min((np.minimum(d, 1 - d) ** p).mean() for d in apart)
    assert LineTransport(p=p, period=1.0).solve(source, target).cost == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_circle_against_the_peer(p, seed):
    source, target = cloud(seed, 30), cloud(seed + 1, 20, scale=2.0)
    x, y = (np.mod(cloud.points.numpy(), 1.0) for cloud in (source, target))
    peer = ot.wasserstein_circle(x, y, source.weights.numpy()[:, None], target.weights.numpy()[:, None], p=p, eps=1e-10)
    assert LineTransport(p=p, period=1.0).solve(source, target).cost == pytest.approx(float(peer[0]), rel=1e-5)


def test_a_turn_of_the_circle_costs_nothing():
    source = cloud(0, 20, weighted=False)
    target = PointCloud(source.points + 3.0)
    plan = LineTransport(period=1.0).solve(source, target)
    assert plan.cost == pytest.approx(0.0, abs=1e-30)
    quarter = LineTransport(period=1.0).solve(PointCloud(source.points * 0.01), PointCloud(source.points * 0.01 + 5.25))
    assert quarter.cost == pytest.approx(0.0625)


def test_one_coordinate_of_many(kit):
    points = torch.randn(2, 15, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    plan = LineTransport(axis=1).solve(PointCloud(points[0]), PointCloud(points[1]))
    assert plan.cost == pytest.approx(sorted_cost(points[0, :, 1], points[1, :, 1]))
    assert plan.target.dim == 3
    with pytest.raises(DataError, match="one dimension, got 3") as caught:
        LineTransport().solve(PointCloud(points[0]), PointCloud(points[1]))
    assert "axis" in caught.value.hint
    with pytest.raises(DataError, match="axis 3 of points in 3 dimensions"):
        LineTransport(axis=3).solve(PointCloud(points[0]), PointCloud(points[1]))
    with pytest.raises(ValidationError):
        LineTransport(period=0.0)


def test_densities_are_their_cells():
    before, after = Density(torch.tensor([1.0, 0.0, 3.0])), Density(torch.tensor([2.0, 2.0, 0.0]))
    plan = LineTransport(p=1.0).solve(before, after)
    assert plan.source.count == 2
    assert plan.cost == pytest.approx(0.25 * 2 / 3 + 0.5 * 1 / 3)
    assert plan.cost == pytest.approx(NetworkTransport(p=1.0).solve(before, after).cost)
