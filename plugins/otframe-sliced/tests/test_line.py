"""Transport on lines: against SciPy and sorting, with masses of any size, and by levels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_sliced.line import Levels, argsorted, line_costs, pulled, sorted_along
from scipy.stats import wasserstein_distance

QUICK = settings(max_examples=60, deadline=None)
SEEDS = st.integers(0, 2**31)
SIZES = st.integers(1, 40)


def problem(seed, n, m, weighted):
    """Two lines of points, some of them repeated, and their weights."""
    g = np.random.default_rng(seed)
    x, y = g.normal(size=(2, n)), g.normal(size=(2, m)) + 0.5
    x[:, n // 2 :] = x[:, : n - n // 2]
    weights = [g.random(size) + 1e-3 if weighted else np.ones(size) for size in (n, m)]
    return x, y, *(weight / weight.sum() for weight in weights)


def tensors(x, y, a, b, weighted):
    given = [torch.from_numpy(a), torch.from_numpy(b)] if weighted else [None, None]
    return torch.from_numpy(x), given[0], torch.from_numpy(y), given[1]


@QUICK
@given(seed=SEEDS, n=SIZES, m=SIZES, weighted=st.booleans())
def test_the_plain_cost_is_scipys(seed, n, m, weighted):
    x, y, a, b = problem(seed, n, m, weighted)
    found = line_costs(*tensors(x, y, a, b, weighted), 1.0)
    wanted = [wasserstein_distance(x[k], y[k], a, b) for k in range(2)]
    assert found.numpy() == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@QUICK
@given(seed=SEEDS, n=SIZES, p=st.sampled_from([1.0, 1.5, 2.0, 3.0]))
def test_equal_masses_are_matched_in_order(seed, n, p):
    x, y, a, b = problem(seed, n, n, False)
    wanted = (np.abs(np.sort(x) - np.sort(y)) ** p).mean(1)
    assert line_costs(*tensors(x, y, a, b, False), p).numpy() == pytest.approx(wanted, rel=1e-12)
    # the same by merged levels
    assert line_costs(*tensors(x, y, a, b, True), p).numpy() == pytest.approx(wanted, rel=1e-9, abs=1e-14)


@QUICK
@given(seed=SEEDS, n=SIZES, m=SIZES, weighted=st.booleans())
def test_points_go_to_means_of_quantiles(seed, n, m, weighted):
    x, y, a, b = problem(seed, n, m, weighted)
    found = pulled(*tensors(x, y, a, b, weighted)).numpy()
    # nothing of the target's mean is lost, order is kept, and no point leaves the target's range
    assert found @ a == pytest.approx(y @ b, abs=1e-10)
    for k in range(2):
        assert (np.diff(found[k][np.lexsort((found[k], x[k]))]) >= -1e-9).all()
        assert found[k].min() >= y[k].min() - 1e-12
        assert found[k].max() <= y[k].max() + 1e-12


@QUICK
@given(seed=SEEDS, n=SIZES, m=SIZES)
def test_the_barycentric_map_costs_no_more_than_the_plan(seed, n, m):
    x, y, a, b = problem(seed, n, m, True)
    x = x + np.arange(n) * 1e-9  # no ties
    given_ = tensors(x, y, a, b, True)
    moved = ((pulled(*given_).numpy() - x) ** 2) @ a
    assert (moved <= line_costs(*given_, 2.0).numpy() + 1e-9).all()


def test_masses_of_very_different_size():
    x = torch.tensor([[0.0, 1.0, 2.0]], dtype=torch.float64)
    mass = torch.tensor([1e-24, 1.0, 1e-12], dtype=torch.float64)
    y = torch.tensor([[5.0, 6.0]], dtype=torch.float64)
    found = pulled(x, mass / mass.sum(), y, torch.tensor([0.5, 0.5], dtype=torch.float64))
    assert torch.allclose(found, torch.tensor([[5.0, 5.5, 6.0]], dtype=torch.float64), atol=1e-9)
    assert torch.isfinite(line_costs(x, mass / mass.sum(), y, None, 2.0)).all()


def test_one_point_takes_the_mean():
    one = torch.zeros(1, 1, dtype=torch.float64)
    y = torch.tensor([[1.0, 2.0, 6.0]], dtype=torch.float64)
    assert float(pulled(one, None, y, None)) == pytest.approx(3.0)
    assert float(line_costs(one, None, y, None, 1.0)) == pytest.approx(3.0)
    assert torch.equal(pulled(y, None, one, None), torch.zeros(1, 3, dtype=torch.float64))


@pytest.mark.parametrize("m", [5000, 3000])
def test_levels_are_the_sorted_transport_to_their_distance(m):
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(3, 5000, generator=g), 2 * torch.rand(3, m, generator=g) + 1
    levels = Levels(x, y, 2048)
    wanted = pulled(x, None, y, None) - x
    width = float((torch.maximum(x.max(), y.max()) - torch.minimum(x.min(), y.min())) / 2047)
    # within a level points share one displacement
    assert float((levels.shifts() - wanted).abs().quantile(0.95)) < 3 * width
    assert float(line_costs(x + levels.shifts(), None, y, None, 2.0).max()) < (2 * width) ** 2
    assert float((levels.shifts() - wanted).mean().abs()) < width
    # the points themselves are among the places that displacements can be asked for
    assert float((levels.shifts_at(x) - levels.shifts()).abs().mean()) < 4 * width
    beyond = levels.shifts_at(torch.tensor([[-1e3, 1e3]] * 3))
    ends = levels.shifts_at(torch.stack([x.amin(1), x.amax(1)], 1))
    assert torch.allclose(beyond, ends)


def test_levels_where_all_is_one_point():
    same = torch.full((2, 4), 0.3)
    assert not Levels(same, same[:, :3], 16).shifts().any()


def test_order_is_the_same_by_numpy_and_torch():
    x = torch.randn(3, 100, generator=torch.Generator().manual_seed(0))
    assert torch.equal(argsorted(x), x.argsort(-1))
    assert torch.equal(sorted_along(x), x.sort(-1).values)
