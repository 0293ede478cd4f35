"""`sliced.transport`: the cloud arrives, what it tells of it is true, and the table does what the flow does."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_sliced.distance import SlicedDistance
from otframe_sliced.transport import SlicedTransport
from pydantic import ValidationError

from otframe.errors import CancelledError, DataError
from otframe.interfaces import Context
from otframe.registry import Registry
from otframe.testing.strategies import clouds
from otframe.values import PointCloud
from otframe.values.codec import from_bytes, to_bytes

QUICK = settings(max_examples=25, deadline=None)
SEEDS = st.integers(0, 2**31)


def solve(x, y, seed=0, **params):
    return SlicedTransport(**params).solve(x, y, ctx=Context(seed=seed))


def distance(x, y):
    return SlicedDistance(count=60).__call__(x, y, ctx=Context(seed=99)).distance.number


def cloud(n, d, seed, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    return PointCloud(torch.randn(n, d, generator=g, dtype=torch.float64).to(dtype))


def colors(n, seed, dtype=torch.float32):
    """Colours in [0, 1] with a bent law, and a spike as a clipped sky makes."""
    g = torch.Generator().manual_seed(seed)
    x = torch.rand(n, 3, generator=g) ** (1 + seed % 3)
    x[:, 1] = (x[:, 0] + 0.3 * x[:, 1]).clamp(max=1)
    x[: n // 10] = 1.0
    return PointCloud(x.to(dtype))


@QUICK
@given(n=st.integers(60, 120), m=st.integers(5, 60), d=st.sampled_from([2, 4, 7]), seed=SEEDS)
def test_the_remaining_distance_falls(n, m, d, seed):
    x = cloud(n, d, seed)
    y = PointCloud(cloud(m, d, seed + 1).points * 2 + 3)
    before = distance(x, y)
    few, many = (distance(x.transported(solve(x, y, bases=bases, tolerance=0)), y) for bases in (2, 40))
    assert few < 0.6 * before
    assert many < 0.25 * before
    assert many < few + 0.02 * before


def test_projections_match_along_the_last_basis():
    x, y = cloud(40, 4, 0), cloud(40, 4, 1)
    found = solve(x, y, bases=1, tolerance=0)
    # the basis that the flow drew first
    from otframe_sliced.directions import orthonormal_basis

    basis = orthonormal_basis(4, Context(seed=0).rng)
    moved = (basis @ found(x.points).T).sort(1).values
    assert torch.allclose(moved, (basis @ y.points.T).sort(1).values, atol=1e-12)


@QUICK
@given(x=clouds(dim=1), y=clouds(dim=1), seed=SEEDS)
def test_on_the_line_one_basis_does(x, y, seed):
    found = solve(x, y, seed)
    held = x.points[:, 0] if x.weights is None else x.points[x.weights > 0, 0]
    order = held.argsort()
    assert bool((found(held[:, None])[order, 0].diff() >= -1e-9).all())
    mass = torch.ones(x.count).double() if x.weights is None else x.weights
    goal = torch.ones(y.count).double() if y.weights is None else y.weights
    mean = (found(x.points)[:, 0][mass > 0] * mass[mass > 0]).sum() / mass.sum()
    assert float(mean) == pytest.approx(float((y.points[:, 0] * goal).sum() / goal.sum()), abs=1e-9)


def test_on_the_line_the_flow_ends_after_one_basis():
    found = solve(cloud(30, 1, 0), cloud(30, 1, 1), bases=50)
    assert found.info.iterations == 1
    assert found.info.converged
    assert found.info.residual == 0


@QUICK
@given(seed=SEEDS, counts=st.lists(st.integers(1, 4), min_size=1, max_size=10))
def test_weights_are_repetitions(seed, counts):
    x, y = cloud(len(counts), 4, seed), cloud(12, 4, seed + 1)
    repeated = PointCloud(x.points.repeat_interleave(torch.tensor(counts), 0))
    weighted = PointCloud(x.points, torch.tensor(counts).double())
    one, other = (solve(source, y, seed, bases=6) for source in (weighted, repeated))
    assert torch.allclose(one(x.points), other(x.points), atol=1e-9)
    assert one.cost == pytest.approx(other.cost, rel=1e-9)


def test_what_is_told_is_true():
    x, y = cloud(50, 4, 0), PointCloud(cloud(70, 4, 1).points + 2)
    found = solve(x, y, bases=30, tolerance=0)
    moved = found(x.points)
    assert found.cost == pytest.approx(float((moved - x.points).square().sum(1).mean()), rel=1e-12)
    assert found.info.iterations == 30
    assert not found.info.converged
    left = distance(PointCloud(moved), y) / distance(x, y)
    assert found.info.residual == pytest.approx(left, rel=0.5)
    loose = solve(x, y, bases=30, tolerance=0.3)
    assert loose.info.converged
    assert loose.info.residual <= 0.3
    assert loose.info.iterations < 30


def test_it_does_not_stop_for_a_basis_that_happens_to_see_little():
    """In the plane a basis may lie near an earlier one, and see nothing of what is left."""
    left = []
    for seed in range(20):
        random = torch.Generator().manual_seed(seed)
        angle = 6.2832 * torch.rand(300, generator=random, dtype=torch.float64)
        ring = torch.stack([angle.cos(), angle.sin()], 1) + 0.1 * torch.randn(300, 2, generator=random)
        bar = torch.randn(300, 2, generator=random, dtype=torch.float64) * torch.tensor([0.1, 1.0])
        found = solve(PointCloud(ring), PointCloud(bar), seed, bases=200)
        assert found.info.converged
        moved = PointCloud(found.images)
        left.append(distance(moved, PointCloud(bar)) / distance(PointCloud(ring), PointCloud(bar)))
    assert max(left) < 0.06


def test_half_steps_go_half_the_way():
    x = cloud(30, 4, 0)
    y = PointCloud(x.points + torch.tensor([1.0, 2.0, 3.0, 4.0]).double())
    found = solve(x, y, step=0.5, bases=1)
    assert torch.allclose(found(x.points), x.points + torch.tensor([0.5, 1.0, 1.5, 2.0]).double(), atol=1e-9)


@pytest.mark.parametrize("n", [600, 6000])
@pytest.mark.parametrize("params", [{}, {"histogram": 5}, {"samples": 400}])
def test_the_table_brings_new_colors_to_the_target(n, params):
    x, y, new = colors(n, 0), colors(n + 100, 2), colors(n, 3)
    found = solve(x, y, bases=40, tolerance=0, **params)
    assert tuple(found.table.shape) == (33, 33, 33, 3)
    start = distance(x, y)
    assert distance(x.transported(found), y) < 0.16 * start
    assert distance(new.transported(found), y) < 0.2 * start
    # points and images agree with the table
    assert torch.allclose(found(found.points), found.images, atol=2e-6)
    assert found.info.residual < 0.16


def test_a_table_of_far_and_flat_data():
    points = torch.zeros(20, 3)
    points[:, 0] = torch.linspace(0, 1e-3, 20)
    source = PointCloud(points + torch.tensor([0.0, 1e4, -1e4]))
    target = PointCloud(source.points + torch.tensor([0.0, 1.0, 0.0]))
    found = solve(source, target)
    assert torch.allclose(found(source.points), target.points, atol=2e-3)
    assert float(found(source.points + 1e3).abs().max()) < 2e4


def test_no_table_where_none_is_wanted():
    x, y = colors(100, 0), colors(100, 1)
    found = solve(x, y, table=0)
    assert found.table is None
    assert torch.equal(found(x.points), found.images)


def test_large_clouds_are_sampled_and_the_rest_moves_along():
    x = cloud(3000, 2, 0)
    y = PointCloud(cloud(2500, 2, 1).points * 0.5 + 1)
    found = solve(x, y, samples=500)
    assert found.points.shape == (500, 2)
    assert distance(x.transported(found), y) < 0.15 * distance(x, y)
    heavy = torch.zeros(3000, dtype=torch.float64)
    heavy[:10] = 1.0
    few = solve(PointCloud(x.points, heavy + 1e-9), y, samples=500)
    assert len(torch.unique(few.points, dim=0)) <= 11


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("dim", [3, 5])
def test_precision_is_kept(dtype, dim):
    x, y = cloud(40, dim, 0, dtype), cloud(30, dim, 1, dtype)
    found = solve(x, y, bases=8)
    assert found.points.dtype == found.images.dtype == dtype
    assert found(x.points).dtype == dtype
    other = solve(cloud(40, dim, 0), cloud(30, dim, 1), bases=8)
    assert torch.allclose(found.images.double(), other.images, atol=1e-3)


def test_many_points_are_joined_where_they_coincide():
    g = torch.Generator().manual_seed(0)
    x, y = (PointCloud(torch.randint(0, 6, (270_000, 3), generator=g) ** k / 5**k) for k in (1, 2))
    found = solve(x, y, samples=None, table=6, bases=20)
    assert found.points.shape == (216, 3)
    assert distance(x.transported(found), y) < 0.15 * distance(x, y)


def test_equal_and_single_clouds():
    x = cloud(30, 3, 0)
    found = solve(x, x)
    assert found.cost == 0
    assert found.info.converged
    assert found.info.iterations == 0
    one = PointCloud(torch.zeros(1, 3).double())
    assert torch.allclose(solve(one, x)(one.points), x.points.mean(0)[None], atol=1e-6)
    assert torch.allclose(solve(x, one, table=0)(x.points), one.points.expand(30, 3), atol=1e-6)
    assert float(solve(x, one)(x.points).abs().max()) < 0.02
    assert solve(one, one).cost == 0


def test_masses_of_very_different_size():
    x, y = cloud(4, 3, 0), cloud(6, 3, 1)
    for table in (0, 9):
        weights = torch.tensor([1e-12, 1e12, 1e12, 0.0], dtype=torch.float64)
        found = solve(PointCloud(x.points, weights), y, table=table)
        moved = found(x.points)
        assert torch.isfinite(moved).all()
        assert len(found.points) == 3
        assert bool((moved.amin(0) >= y.points.amin(0) - 3).all())


def test_input_that_cannot_be_used():
    x = cloud(3, 3, 0)
    for bad, told in (
        (PointCloud(torch.full((2, 3), float("nan"))), "finite"),
        (PointCloud(torch.zeros(2, 3), torch.zeros(2)), "no mass"),
        (cloud(3, 2, 0), "dimensions 3, 2"),
        (PointCloud(torch.tensor([[-1e200] * 3, [1e200] * 3], dtype=torch.float64)), "too far"),
    ):
        with pytest.raises(DataError, match=told):
            solve(x, bad)
    with pytest.raises(DataError, match="too many bins"):
        solve(cloud(9, 5, 0), cloud(9, 5, 1), histogram=10)
    for wrong in ({"bases": 0}, {"step": 0.0}, {"step": 1.5}, {"tolerance": 1.0}, {"histogram": 0}, {"table": -1}):
        with pytest.raises(ValidationError):
            SlicedTransport(**wrong)


def test_seeds_progress_and_cancelling():
    x, y = cloud(30, 4, 0), cloud(30, 4, 1)
    assert torch.equal(solve(x, y, 1).images, solve(x, y, 1).images)
    assert not torch.equal(solve(x, y, 1).images, solve(x, y, 2).images)
    told = []
    SlicedTransport(bases=5, tolerance=0).solve(x, y, ctx=Context(on_progress=lambda part, note: told.append(part)))
    assert told == sorted(told)
    assert told[-1] == 1.0
    with pytest.raises(CancelledError):
        SlicedTransport().solve(x, y, ctx=Context(is_cancelled=lambda: True))


def test_the_map_can_be_stored():
    registry = Registry(allow=["sliced"])
    found = solve(colors(50, 0), colors(50, 1), table=5)
    back = from_bytes(to_bytes(found, registry), registry)
    assert torch.equal(back(found.points), found(found.points))
