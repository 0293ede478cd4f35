"""The tables that maps are applied through: against SciPy, in pieces, in both layouts, and for 8-bit colours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import RegularGridInterpolator

from otframe.errors import DataError
from otframe.values import PointMap, SolveInfo
from otframe.values.maps import interpolated

QUICK = settings(max_examples=50, deadline=None)


def problem(seed, dim, size, width, count, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    table = torch.randn(*(size,) * dim, width, generator=g, dtype=torch.float64)
    low = torch.randn(dim, generator=g, dtype=torch.float64)
    high = low + torch.rand(dim, generator=g, dtype=torch.float64) + 0.1
    points = low + (high - low) * (1.6 * torch.rand(count, dim, generator=g, dtype=torch.float64) - 0.3)
    return table.to(dtype), low, high, points.to(dtype)


def scipys(table, low, high, points):
    axes = [np.linspace(float(a), float(b), table.shape[0]) for a, b in zip(low, high, strict=True)]
    inside = np.clip(points.double().numpy(), low.numpy(), high.numpy())
    return RegularGridInterpolator(axes, table.double().numpy(), bounds_error=False, fill_value=None)(inside)


def color_map(seed=0, size=9):
    table, _, _, points = problem(seed, 3, size, 3, 5)
    return PointMap(1.0, SolveInfo(), points, points, table.float() * 0.2, torch.zeros(3), torch.ones(3))


@QUICK
@given(
    seed=st.integers(0, 2**31),
    dim=st.integers(1, 4),
    size=st.integers(2, 7),
    width=st.integers(1, 4),
    count=st.integers(0, 300),
)
def test_scipy_gives_the_same(seed, dim, size, width, count):
    table, low, high, points = problem(seed, dim, size, width, count)
    found = interpolated(table, low, high, points)
    assert found.shape == (count, width)
    assert np.allclose(found.numpy(), scipys(table, low, high, points), rtol=0, atol=1e-12)
    single = interpolated(table.float(), low, high, points.float())
    assert single.dtype == torch.float32
    # a coordinate's rounding counts once for each cell
    assert np.allclose(single.numpy(), found.numpy(), rtol=0, atol=1e-5 * size)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_many_points_rows_and_planes(dtype):
    table, low, high, points = problem(1, 3, 33, 3, 100_003, dtype)
    rows = interpolated(table, low, high, points, onto=points)
    wanted = scipys(table, low, high, points) + points.double().numpy()
    assert np.allclose(rows.numpy(), wanted, rtol=0, atol=2e-4 if dtype == torch.float32 else 1e-12)
    planes = points.T.contiguous().T
    found = interpolated(table, low, high, planes, onto=planes)
    assert torch.equal(found, rows)
    assert found.stride() == planes.stride()
    assert rows.stride() == points.stride()


def test_nodes_and_corners_are_exact():
    table, low, high, _ = problem(2, 3, 5, 3, 1)
    axes = [torch.linspace(0, 1, 5, dtype=torch.float64)] * 3
    nodes = low + (high - low) * torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    assert torch.allclose(interpolated(table, low, high, nodes), table.reshape(-1, 3), atol=1e-12)
    far = torch.stack([low - 1e9, high + 1e9])
    assert torch.allclose(interpolated(table, low, high, far), torch.stack([table[0, 0, 0], table[-1, -1, -1]]))


def test_a_nan_stays_where_it_is():
    map = color_map()
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(0))
    clean = map(points)
    points[7, 1] = torch.nan
    found = map(points)
    assert found[7].isnan().all()
    assert torch.equal(found[:7], clean[:7])
    assert torch.equal(found[8:], clean[8:])
    without = PointMap(1.0, SolveInfo(), clean, clean)
    with pytest.raises(DataError, match="finite"):
        without(points)


def test_gradients_stop():
    points = torch.rand(5, 3).requires_grad_()
    assert not color_map()(points).requires_grad


def test_half_precision_and_parts_of_the_way():
    map = color_map()
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(0))
    assert map(points.half()).dtype == torch.float16
    assert torch.allclose(map(points.half()).float(), map(points), atol=2e-2)
    half = points + 0.5 * (map(points) - points)
    assert torch.allclose(map.displace(points, 0.5), half, atol=1e-6)
    assert torch.equal(map.displace(points, 0.0), points)


@pytest.mark.parametrize("shape", [(40, 30, 3), (7, 3), (1, 1, 3), (0, 3)])
def test_bytes_are_the_rounded_floats(shape):
    map = color_map()
    colors = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    before = colors.copy()
    found = map.on_bytes(colors)
    wanted = map(torch.from_numpy(colors.reshape(-1, 3)).float() / 255) * 255
    assert found.dtype == np.uint8
    assert np.array_equal(found.reshape(-1, 3), wanted.round().clamp(0, 255).to(torch.uint8).numpy())
    assert np.array_equal(colors, before)
    view = np.ascontiguousarray(colors[..., ::-1])[..., ::-1]
    assert np.array_equal(map.on_bytes(view), found)


def test_bytes_of_another_kind_are_refused():
    for wrong in (np.zeros((2, 3)), np.zeros((2, 4), np.uint8), np.zeros(3, np.uint8)):
        with pytest.raises(DataError, match="uint8"):
            color_map().on_bytes(wrong)
    plane = PointMap(1.0, SolveInfo(), torch.zeros(1, 2), torch.zeros(1, 2))
    with pytest.raises(DataError, match="one of 2"):
        plane.on_bytes(np.zeros((2, 3), np.uint8))
