"""Clouds made ready: joined, binned, sampled, and in one frame."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_sliced.clouds import Frame, binned, distinct, prepared, thinned

from otframe.errors import DataError
from otframe.testing.strategies import clouds
from otframe.values import PointCloud

QUICK = settings(max_examples=60, deadline=None)


def ready(points, weights=None):
    return prepared([PointCloud(points, weights)], ["source"])[0]


@QUICK
@given(clouds())
def test_joined_points_keep_their_mass(cloud):
    given_ = ready(cloud.points, cloud.weights)
    joined, number = distinct(given_)
    assert len(torch.unique(given_.points, dim=0)) == joined.count
    if number is None:
        assert joined is given_
        return
    assert torch.equal(joined.points[number], given_.points)
    wanted = torch.zeros(joined.count, dtype=torch.float64).index_add_(0, number, given_.mass)
    assert torch.allclose(joined.mass, wanted, atol=1e-14)


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_points_of_a_lattice_are_joined(dim):
    points = torch.randint(0, 8, (20_000, dim), generator=torch.Generator().manual_seed(0)) / 7
    assert distinct(ready(points))[0].count == len(torch.unique(points, dim=0))


@QUICK
@given(clouds(dim=3), st.integers(1, 6))
def test_bins_keep_mass_and_mean(cloud, bits):
    given_ = ready(cloud.points, cloud.weights)
    found = binned(given_, bits)
    assert found.count <= min(given_.count, 8**bits)
    assert float(found.mass.sum()) == pytest.approx(1)
    assert torch.allclose(found.mass @ found.points, given_.mass @ given_.points, atol=1e-9)
    # no point is farther from its bin's mean than a bin is wide
    nearest = torch.cdist(given_.points, found.points).amin(1)
    assert bool((nearest <= (given_.high - given_.low).norm() / 2**bits + 1e-12).all())


def test_a_histogram_of_bytes_is_exact():
    g = torch.Generator().manual_seed(0)
    codes = torch.randint(0, 4, (500, 3), generator=g)
    found = binned(ready(codes / 3), 2)
    kinds, counts = torch.unique(codes, dim=0, return_counts=True)
    assert torch.allclose(found.points, kinds / 3, atol=1e-6)
    assert torch.allclose(found.mass, counts.double() / 500)


def test_samples_follow_the_weights():
    points = torch.arange(1000).double()[:, None]
    weights = torch.cat([torch.full((500,), 3.0), torch.full((500,), 1.0)])
    drawn = thinned(ready(points, weights), 100, torch.Generator().manual_seed(0))
    assert drawn.count == 100
    assert drawn.weights is None
    assert int((drawn.points < 500).sum()) in (74, 75, 76)
    even = thinned(ready(points), 100, torch.Generator().manual_seed(0))
    # one of each hundredth
    assert torch.equal((even.points[:, 0] / 10).floor(), torch.arange(100).double())
    few = ready(points[:100])
    assert thinned(few, 100, torch.Generator()) is few


@QUICK
@given(clouds(), st.sampled_from([1e-150, 1.0, 1e100]), st.floats(-1e3, 1e3))
def test_the_frame_goes_there_and_back(cloud, factor, offset):
    given_ = ready((cloud.points + offset) * factor)
    frame = Frame.around([given_])
    inside = frame.enter(given_).points
    assert float(inside.abs().max()) <= 1 + 1e-9
    back = frame.outside(inside)
    assert torch.allclose(back, given_.points, rtol=1e-12, atol=1e-12 * factor * (abs(offset) + 10))


def test_planes_and_rows_are_checked_alike():
    planes = torch.rand(3, 50, generator=torch.Generator().manual_seed(0))
    rows = ready(planes.T.contiguous())
    assert torch.equal(ready(planes.T).low, rows.low)
    assert torch.equal(ready(planes.T).high, rows.high)
    planes[1, 7] = torch.nan
    for points in (planes.T, planes.T.contiguous()):
        with pytest.raises(DataError, match="finite"):
            ready(points)
