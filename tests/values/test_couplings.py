"""`Plan` against dense matrices, and `PointMap` against SciPy's interpolation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import RegularGridInterpolator
from scipy.spatial import KDTree

from otframe.errors import DataError
from otframe.registry import Registry
from otframe.testing.elsewhere import Elsewhere, away
from otframe.values import Plan, PointCloud, PointMap, SolveInfo
from otframe.values.codec import from_bytes, to_bytes
from otframe.values.maps import interpolated

INFO = SolveInfo(3, True, 1e-10)


def plan(seed, n=6, m=5, d=2, k=12, dtype=torch.float64):
    """Some entries, places repeated, rows and columns without any."""
    random = torch.Generator().manual_seed(seed)
    rows, cols = (torch.randint(0, count - 1, (k,), generator=random) for count in (n, m))
    mass = torch.rand(k, generator=random, dtype=torch.float64)
    source, target = (PointCloud(torch.randn(count, d, generator=random).to(dtype)) for count in (n, m))
    return Plan(1.0, INFO, rows, cols, mass / mass.sum(), source, target, 0.75)


def dense(of):
    made = np.zeros((of.source.count, of.target.count))
    np.add.at(made, (of.rows.numpy(), of.cols.numpy()), of.mass.numpy())
    return made


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(2, 9), m=st.integers(2, 9), d=st.integers(1, 4), k=st.integers(1, 40))
def test_a_plan_is_its_matrix(seed, n, m, d, k):
    made = plan(seed, n, m, d, k)
    matrix = dense(made)
    np.testing.assert_allclose(made.matrix().to_dense().numpy(), matrix, atol=1e-15)
    left, right = made.marginals()
    np.testing.assert_allclose(left.numpy(), matrix.sum(1), atol=1e-15)
    np.testing.assert_allclose(right.numpy(), matrix.sum(0), atol=1e-15)
    random = np.random.default_rng(0)
    for axes in ((), (3,), (2, 3)):
        u, v = random.normal(size=(*axes, m)), random.normal(size=(*axes, n))
        np.testing.assert_allclose(made.apply(torch.from_numpy(u)).numpy(), u @ matrix.T, atol=1e-14)
        np.testing.assert_allclose(made.apply_transposed(torch.from_numpy(v)).numpy(), v @ matrix, atol=1e-14)
    held = matrix.sum(1) > 0
    mean = matrix[held] @ made.target.points.numpy() / matrix[held].sum(1, keepdims=True)
    np.testing.assert_allclose(made.barycentric()[held].numpy(), mean, atol=1e-12)
    assert torch.equal(made.barycentric()[~held], made.source.points[~held])  # what has no mass stays


def test_the_gap_is_what_the_cost_is_above_the_dual_value():
    assert plan(0).gap == 0.25
    made = plan(0)
    assert Plan(1.0, INFO, made.rows, made.cols, made.mass, made.source, made.target).gap is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_plan_moves_points_by_its_mean(dtype):
    made = plan(1, dtype=dtype)
    points = made.source.points
    moved = made(points)
    assert moved.dtype == dtype
    assert torch.allclose(moved, made.barycentric().to(dtype))
    assert torch.allclose(made.displace(points, 0.25), 0.75 * points + 0.25 * moved)
    assert torch.equal(made.displace(points, 0.0), points)
    shifted = points[2:4] + 1e-3
    assert torch.allclose(made(shifted), shifted + (moved - points)[2:4])  # as the nearest goes
    assert made.as_map().cost == made.cost
    assert torch.allclose(made.source.transported(made, t=0.5).points, made.displace(points, 0.5))


def test_plans_are_stored_whole():
    made = plan(2)
    back = from_bytes(to_bytes(made, Registry(allow=[])), Registry(allow=[]))
    for name in ("rows", "cols", "mass"):
        assert torch.equal(getattr(back, name), getattr(made, name))
    assert (back.cost, back.dual, back.f) == (1.0, 0.75, None)


def test_a_plan_stays_on_its_device():
    made = plan(3)
    expected = made(made.source.points)
    with Elsewhere():
        there = away(made)
        moved, (left, _) = there(there.source.points), there.marginals()
    assert moved.device == left.device == there.mass.device
    assert torch.equal(moved.held, expected)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rows": torch.tensor([0, 1])}, "one shape"),
        ({"rows": torch.arange(12) - 1}, "int64 from 0 to 5"),
        ({"cols": torch.arange(12)}, "each column .* from 0 to 4"),
        ({"rows": torch.zeros(12)}, "int64"),
        ({"f": torch.zeros(5)}, r"function f .* shape \(6,\), got \(5,\)"),
        ({"g": torch.zeros(6)}, r"function g .* shape \(5,\)"),
        ({"target": PointCloud(torch.zeros(5, 3))}, "dimensions 2, 3"),
    ],
)
def test_what_is_no_plan_is_refused(changed, message):
    made = plan(0)
    parts = {name: getattr(made, name) for name in ("cost", "info", "rows", "cols", "mass", "source", "target")}
    with pytest.raises(DataError, match=message):
        Plan(**{**parts, **changed})


def test_functions_of_other_points_are_refused():
    made = plan(0)
    with pytest.raises(DataError, match=r"5 points has shape \(..., 5\), got \(6,\)"):
        made.apply(torch.zeros(6))
    with pytest.raises(DataError, match="6 points"):
        made.apply_transposed(torch.zeros(2, 5))
    with pytest.raises(DataError, match=r"\(n, 2\)"):
        made(torch.zeros(3, 3))


def table_of(seed, dim, size, width):
    random = torch.Generator().manual_seed(seed)
    table = torch.randn(*([size] * dim), width, generator=random, dtype=torch.float64)
    low = torch.randn(dim, generator=random, dtype=torch.float64)
    return table, low, low + 0.5 + torch.rand(dim, generator=random, dtype=torch.float64)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), dim=st.integers(1, 4), size=st.integers(2, 6), width=st.integers(1, 4))
def test_tables_are_interpolated_as_scipy_does(seed, dim, size, width):
    table, low, high = table_of(seed, dim, size, width)
    axes = [np.linspace(float(a), float(b), size) for a, b in zip(low, high, strict=True)]
    scipy = RegularGridInterpolator(axes, table.numpy())
    random = torch.Generator().manual_seed(seed)
    points = low + (torch.rand(50, dim, generator=random, dtype=torch.float64) * 1.6 - 0.3) * (high - low)
    inside = np.clip(points.numpy(), low.numpy(), high.numpy())  # outside it is that of the edge
    np.testing.assert_allclose(interpolated(table, low, high, points).numpy(), scipy(inside), atol=1e-11)
    nodes = torch.stack(torch.meshgrid(*(torch.from_numpy(axis) for axis in axes), indexing="ij"), -1)
    found = interpolated(table, low, high, nodes.reshape(-1, dim))
    np.testing.assert_allclose(found.numpy(), table.reshape(-1, width).numpy(), atol=1e-11)


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_a_map_by_a_table(t):
    table, low, high = table_of(0, 3, 5, 3)
    known = torch.zeros(1, 3).double()
    made = PointMap(1.0, INFO, known, known, table, low, high)
    points = low + torch.rand(40, 3, generator=torch.Generator().manual_seed(1)).double() * (high - low)
    wanted = points + t * interpolated(table, low, high, points)
    assert torch.allclose(made.displace(points, t), wanted, atol=1e-12)
    single = made.displace(points.float(), t)
    assert single.dtype == torch.float32
    assert torch.allclose(single.double(), wanted, atol=1e-5)


def test_a_nan_spoils_its_own_point_alone():
    table, low, high = table_of(0, 2, 4, 2)
    points = torch.rand(5, 2).double()
    points[2, 1] = torch.nan
    found = interpolated(table, low, high, points)
    assert found.isnan().any(1).tolist() == [False, False, True, False, False]
    known = torch.rand(3, 2).double()
    with pytest.raises(DataError, match="finite"):
        PointMap(1.0, INFO, known, known)(points)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 20), d=st.integers(1, 4), t=st.floats(0, 1))
def test_a_map_without_a_table_goes_as_the_nearest_point(seed, n, d, t):
    random = torch.Generator().manual_seed(seed)
    points, images, asked = (torch.randn(k, d, generator=random, dtype=torch.float64) for k in (n, n, 15))
    made = PointMap(1.0, INFO, points, images)
    _, nearest = KDTree(points.numpy()).query(asked.numpy())
    assert torch.allclose(made.displace(asked, t), asked + t * (images - points)[nearest])
    assert torch.allclose(made(points), images)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((torch.zeros(3, 2), torch.zeros(4, 2)), r"takes \(n, d\) to \(n, d\)"),
        ((torch.zeros(3), torch.zeros(3)), r"\(n, d\)"),
        ((torch.zeros(3, 2), torch.zeros(3, 2), torch.zeros(4, 5, 2), torch.zeros(2), torch.ones(2)), "s, ..., s, 2"),
        ((torch.zeros(3, 2), torch.zeros(3, 2), torch.zeros(1, 1, 2), torch.zeros(2), torch.ones(2)), "s, ..., s, 2"),
        ((torch.zeros(3, 2), torch.zeros(3, 2), torch.zeros(4, 4, 2), torch.ones(2), torch.ones(2)), "low below high"),
        ((torch.zeros(3, 2), torch.zeros(3, 2), torch.zeros(4, 4, 2)), "corners low and high"),
    ],
)
def test_what_is_no_map_is_refused(parts, message):
    with pytest.raises(DataError, match=message):
        PointMap(1.0, INFO, *parts)
    with pytest.raises(DataError, match=r"\(n, 2\), got \(3, 3\)"):
        PointMap(1.0, INFO, torch.zeros(3, 2), torch.zeros(3, 2))(torch.zeros(3, 3))
