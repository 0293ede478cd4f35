"""The patch view as one convolution against patches made one by one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from otframe.errors import DataError
from otframe.numerics import AffineFold, affine_fold, fold_rows, unfold_rows

QUICK = settings(max_examples=100, deadline=None)


@st.composite
def grids(draw, most=24):
    """A grid's shape and a patch size that it holds: frames, corners and grids without an inside."""
    size = draw(st.integers(1, 7))
    channels = draw(st.integers(1, 4 if size < 6 else 2))
    height, width = (size + draw(st.integers(0, most)) for _ in range(2))
    return (channels, height, width), size, draw(st.integers(0, 2**31))


def problem(shape, size, seed):
    g = torch.Generator().manual_seed(seed)
    dim = shape[0] * size**2
    grid = torch.randn(shape, generator=g, dtype=torch.float64) * 2 + 5
    A = torch.randn(dim, dim, generator=g, dtype=torch.float64)
    return grid, A, torch.randn(dim, generator=g, dtype=torch.float64)


def explicit(grid, A, b, size):
    return fold_rows(unfold_rows(grid, size) @ A.T + b, tuple(grid.shape), size)


@QUICK
@given(grids())
def test_one_convolution_is_the_explicit_path(case):
    shape, size, seed = case
    grid, A, b = problem(shape, size, seed)
    wanted = explicit(grid, A, b, size)
    # The size of what is summed, so that cancelling sums do not pass for errors.
    scale = explicit(grid.abs(), A.abs(), b.abs(), size).max()
    assert (affine_fold(grid, A, b, size) - wanted).abs().max() < 1e-12 * scale
    single = affine_fold(grid.float(), A, b, size)
    assert single.dtype == torch.float32
    assert (single - wanted).abs().max() < 2e-6 * scale


@pytest.mark.parametrize(("channels", "size", "side"), [(32, 5, (40, 33)), (8, 6, (70, 100)), (3, 7, (130, 41))])
def test_at_working_size(channels, size, side):
    grid, A, b = problem((channels, *side), size, 3)
    wanted = explicit(grid, A, b, size)
    scale = wanted.abs().max()
    ready = AffineFold(A, b, size, torch.float64)
    assert (ready(grid) - wanted).abs().max() < 1e-12 * scale
    assert (AffineFold(A, b, size)(grid.float()) - wanted).abs().max() < 2e-6 * scale
    smaller = grid[:, :20, 3:30]  # what was made ready serves grids of any size
    assert (ready(smaller) - explicit(smaller, A, b, size)).abs().max() < 1e-12 * scale


@QUICK
@given(grids())
def test_identity_gives_the_grid_back(case):
    shape, size, seed = case
    grid, _, b = problem(shape, size, seed)
    folded = affine_fold(grid, torch.eye(len(b), dtype=torch.float64), torch.zeros_like(b), size)
    assert torch.allclose(folded, grid, rtol=0, atol=1e-12)
    assert torch.allclose(fold_rows(unfold_rows(grid, size), shape, size), grid, rtol=0, atol=1e-12)


@QUICK
@given(grids())
def test_order_is_that_of_torch(case):
    shape, size, seed = case
    grid, _, _ = problem(shape, size, seed)
    assert torch.equal(unfold_rows(grid, size), torch.nn.functional.unfold(grid[None], size)[0].T)


@pytest.mark.parametrize(("shape", "size"), [((1, 4, 9), 5), ((3, 9, 4), 5), ((3, 9, 9), 0)])
def test_too_small_is_refused(shape, size):
    grid = torch.zeros(shape)
    dim = max(1, shape[0] * size**2)
    with pytest.raises(DataError) as caught:
        affine_fold(grid, torch.eye(dim), torch.zeros(dim), size)
    assert caught.value.hint
    with pytest.raises(DataError):
        unfold_rows(grid, size)


def test_wrong_channels_and_nan_are_refused():
    ready = AffineFold(torch.eye(12), torch.zeros(12), 2)
    with pytest.raises(DataError, match="channels"):
        ready(torch.zeros(2, 9, 9))
    grid = torch.zeros(3, 9, 9)
    grid[1, 2, 3] = float("nan")
    with pytest.raises(DataError, match="finite"):
        ready(grid)
    with pytest.raises(DataError):
        AffineFold(torch.eye(12), torch.zeros(12), 5)


def test_half_precision_grids_keep_their_dtype():
    grid, A, b = problem((2, 16, 16), 3, 0)
    assert affine_fold(grid.half(), A, b, 3).dtype == torch.float16
