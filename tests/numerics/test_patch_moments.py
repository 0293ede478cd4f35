"""Moments of patches by shifted products against patches made one by one, and the laws of merging."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from otframe.errors import DataError
from otframe.numerics import Moments, moments, moments_of_points, unfold_rows

QUICK = settings(max_examples=100, deadline=None)


def explicit(rows):
    rows = rows.double()
    mean = rows.mean(0)
    return mean, (rows - mean).T @ (rows - mean)


@QUICK
@given(
    size=st.integers(1, 6),
    channels=st.integers(1, 4),
    more=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
    mean=st.sampled_from([0.0, 1e3]),
    seed=st.integers(0, 2**31),
)
def test_shifted_products_equal_im2col(size, channels, more, scale, mean, seed):
    g = torch.Generator().manual_seed(seed)
    shape = channels, size + more[0], size + more[1]
    grid = (torch.randn(shape, generator=g, dtype=torch.float64) + mean) * scale
    found = moments(grid, size)
    rows = unfold_rows(grid, size)
    wanted_mean, scatter = explicit(rows)
    assert found.count == found.squares == len(rows)
    assert (found.mean - wanted_mean).abs().max() <= 1e-13 * wanted_mean.abs().max() + 1e-15 * scale
    # The mean itself is only known to 1e-16 of its size; that is what a large mean may cost, and no more.
    slack = 1e-12 * scatter.abs().max() + len(rows) * (1e-14 * scale * (1 + mean)) * scale
    assert (found.scatter - scatter).abs().max() <= slack
    assert torch.equal(found.scatter, found.scatter.T)


@pytest.mark.parametrize(("channels", "size"), [(32, 5), (3, 5), (1, 7), (5, 4)])
def test_float32_pixels_are_summed_in_float64(channels, size):
    g = torch.Generator().manual_seed(1)
    grid = torch.rand(channels, 61, 47, generator=g) + 10
    _, scatter = explicit(unfold_rows(grid, size))
    assert (moments(grid, size).scatter - scatter).abs().max() < 1e-10 * scatter.abs().max()


def test_not_finite_is_refused():
    grid = torch.zeros(1, 30, 30)
    grid[0, 4, 4] = float("inf")
    with pytest.raises(DataError, match="finite"):
        moments(grid, 3)
    with pytest.raises(DataError, match="finite"):
        moments_of_points(grid[0])


@QUICK
@given(
    counts=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)),
    seed=st.integers(0, 2**31),
    d=st.integers(1, 5),
)
def test_merge_is_associative_and_equals_one_pass(counts, seed, d):
    g = torch.Generator().manual_seed(seed)
    points = [torch.randn(n, d, generator=g, dtype=torch.float64) + 100 * i for i, n in enumerate(counts)]
    a, b, c = (moments_of_points(each) for each in points)
    left, right = a.merge(b).merge(c), a.merge(b.merge(c))
    whole = moments_of_points(torch.cat(points))
    for found in (left, right):
        assert found.count == whole.count
        assert torch.allclose(found.mean, whole.mean, rtol=1e-12, atol=1e-12)
        assert torch.allclose(found.scatter, whole.scatter, rtol=1e-10, atol=1e-8)


def test_empty_is_neutral_and_arguments_stay():
    points = torch.arange(12.0).view(4, 3)
    a = moments_of_points(points)
    before = a.scatter.clone()
    empty = Moments.empty(3)
    assert a.merge(empty) is a
    assert empty.merge(a) is a
    assert empty.merge(empty).count == 0
    a.merge(moments_of_points(points + 1))
    assert torch.equal(a.scatter, before)
    with pytest.raises(DataError, match="dimensions"):
        a.merge(Moments.empty(2))


def test_weights_as_repetition():
    points = torch.tensor([[0.0, 1.0], [2.0, 5.0], [3.0, -1.0]])
    weighted = moments_of_points(points, torch.tensor([1.0, 2.0, 1.0]) / 4)
    repeated = moments_of_points(points[[0, 1, 1, 2]])
    assert torch.allclose(weighted.mean, repeated.mean)
    assert torch.allclose(weighted.scatter / weighted.count, repeated.scatter / repeated.count)
    assert moments_of_points(points, torch.ones(3)).freedom == pytest.approx(2)
    with pytest.raises(DataError):
        moments_of_points(points, torch.tensor([1.0, -1.0, 1.0]))
    with pytest.raises(DataError):
        moments_of_points(points, torch.zeros(3))


def test_blocks_give_the_same():
    points = torch.randn(1000, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.allclose(moments_of_points(points, block=7).scatter, moments_of_points(points).scatter, rtol=1e-12)
