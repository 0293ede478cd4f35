"""Soft minima between points against the sum over all pairs: held and streamed, with pairs left out, kept or not."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_sinkhorn.clouds.bounds import upper_bounds
from otframe_sinkhorn.clouds.cells import Cells, borders, kd_order
from otframe_sinkhorn.clouds.costs import costs
from otframe_sinkhorn.clouds.held import HeldKernel
from otframe_sinkhorn.clouds.streamed import StreamedKernel
from otframe_sinkhorn.logarithms import NOTHING

COSTS = ["squared", "absolute", "distance"]


def pair(seed, n, m, d, spread=1.0):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=random, dtype=torch.float64)
    y = spread * torch.randn(m, d, generator=random, dtype=torch.float64) + 0.5
    return x, y, random


@pytest.mark.parametrize("kind", COSTS)
def test_costs_are_those_of_the_coordinates(kind):
    x, y, _ = pair(0, 5, 4, 3)
    wanted = {
        "squared": lambda p, q: sum((s - t) ** 2 for s, t in zip(p, q, strict=True)),
        "absolute": lambda p, q: sum(abs(s - t) for s, t in zip(p, q, strict=True)),
        "distance": lambda p, q: sum((s - t) ** 2 for s, t in zip(p, q, strict=True)) ** 0.5,
    }[kind]
    found = costs(x, y, kind)
    for i in range(5):
        for j in range(4):
            assert float(found[i, j]) == pytest.approx(wanted(x[i].tolist(), y[j].tolist()), rel=1e-14)
    far = costs(x + 1e7, x + 1e7, kind)
    assert (far.diagonal() == 0).all()


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(1, 200),
    m=st.integers(1, 200),
    d=st.integers(1, 5),
    blur=st.floats(0.003, 2.0),
    steep=st.floats(0.0, 3000.0),
    kind=st.sampled_from(COSTS),
    keep=st.sampled_from([0, 1 << 20]),
    seed=st.integers(0, 99),
)
def test_they_are_the_sums_over_all_pairs(n, m, d, blur, steep, kind, keep, seed):
    x, y, random = pair(seed, n, m, d)
    eps = 2 * blur**2 if kind == "squared" else blur
    apart = costs(x, y, kind) / eps
    kernels = [HeldKernel(apart), StreamedKernel(x, y, eps, kind, keep)]
    v = steep * torch.randn(m, generator=random, dtype=torch.float64)
    v[1::3] = NOTHING
    size = max(10.0, steep, float(apart.max()))
    for turn in range(4):  # what is remembered of one soft minimum must not harm the next, near or far
        there = torch.logsumexp(v - apart, 1)
        back = torch.logsumexp(-there - apart.T, 1)
        for kernel in kernels:
            assert torch.allclose(kernel.to_source(v), there, rtol=0, atol=1e-13 * size)
            assert torch.allclose(kernel.to_target(-there), back, rtol=0, atol=1e-13 * size)
        v = (1, 0.1, 300)[turn % 3] * torch.randn(m, generator=random, dtype=torch.float64) - back
    values = torch.randn(m, 2, generator=random, dtype=torch.float64)
    plan = torch.softmax(v - apart, 1)
    for kernel in kernels:
        assert torch.allclose(kernel.means(v, values, across=False), plan @ values, rtol=0, atol=1e-12 * size)
        found, wanted = kernel.mean_costs(v, across=False), (plan * apart).sum(1)
        # exponents are rounded as their size is, and the costs that they weigh are as large
        assert torch.allclose(found, wanted, rtol=0, atol=1e-14 * (300 + size) * size)
    values = torch.randn(n, 2, generator=random, dtype=torch.float64)
    plan = torch.softmax(-there - apart.T, 1)
    for kernel in kernels:
        assert torch.allclose(kernel.means(-there, values, across=True), plan @ values, rtol=0, atol=1e-12 * size)


@pytest.mark.parametrize("keep", [0, 1 << 24])
@pytest.mark.parametrize(("kind", "share"), [("squared", 0.35), ("distance", 0.95)])
def test_what_is_left_out_cannot_be_seen(kind, share, keep):
    n, m = 700, 600
    x, y, _ = pair(1, n, m, 2)
    y = y + 2.0
    eps = 2 * 0.03**2 if kind == "squared" else 0.005
    apart = costs(x, y, kind) / eps
    size = float(apart.max())
    kernel = StreamedKernel(x, y, eps, kind, keep)
    v = torch.zeros(m, dtype=torch.float64)
    for _ in range(4):
        u = -torch.logsumexp(v - apart, 1)
        assert torch.allclose(-kernel.to_source(v), u, rtol=0, atol=2e-15 * size)
        v = -torch.logsumexp(u - apart.T, 1)
        assert torch.allclose(-kernel.to_target(u), v, rtol=0, atol=2e-15 * size)
    for way in kernel.ways:
        near = way._near
        looked = sum(len(index) * len(way.rows.points[way.rows.block(k)]) for k, index in enumerate(near.seen))
        assert looked < share * n * m
        assert bool(near.kept) == (keep > 0)


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(1, 200),
    d=st.integers(1, 4),
    blur=st.floats(0.01, 1.0),
    slope=st.floats(0.0, 100.0),
    kind=st.sampled_from(COSTS),
    seed=st.integers(0, 99),
)
def test_bounds_hold_for_all_pairs(n, d, blur, slope, kind, seed):
    x, y, random = pair(seed, n, 150, d)
    rows, cols = (
        (Cells(points[kd_order(points, 4)], 4) for points in (x, y) if len(points)) if n >= 16 else (None, None)
    )
    if rows is None:
        rows, cols = Cells(x, 0), Cells(y[kd_order(y, 4)], 4)
    eps = 2 * blur**2 if kind == "squared" else blur
    tilt = slope * torch.randn(d, generator=random, dtype=torch.float64)
    p, v = rows.points @ tilt / eps, -cols.points @ tilt / eps
    exponents = p[:, None] + v - costs(rows.points, cols.points, kind) / eps
    bounds = upper_bounds(rows, cols, p, v, eps, kind)
    assert bounds.shape == (rows.count, cols.count)
    size = float(exponents.abs().max()) + slope / eps
    for i in range(rows.count):
        for j in range(cols.count):
            found = exponents[rows.block(i), cols.block(j)].max()
            assert float(bounds[i, j]) >= float(found) - 1e-12 * size


def test_cells_are_neighbours_of_equal_number():
    points = torch.rand(1000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    order = kd_order(points, 4)
    assert torch.equal(order.sort().values, torch.arange(1000))
    ends = borders(1000, 4)
    assert {high - low for low, high in itertools.pairwise(ends)} <= {62, 63}
    cells = Cells(points[order], 4)
    # sixteen cells of a square have sides near a quarter: cells of any other order would be as wide as the square
    assert float((2 * cells.halves).max()) < 0.4
    inside = (cells.points - cells.middles[cells.number]).abs() <= cells.halves[cells.number] + 1e-15
    assert bool(inside.all())


def test_points_that_coincide_are_ordered_too():
    points = torch.zeros(100, 3, dtype=torch.float64)
    assert torch.equal(kd_order(points, 5).sort().values, torch.arange(100))


def test_a_kernel_of_points_without_mass_stays_nothing():
    x, y, _ = pair(3, 40, 50, 2)
    v = torch.full((50,), NOTHING, dtype=torch.float64)
    v[7] = 0.0
    alone = -costs(x, y, "squared")[:, 7] / 0.02
    for kernel in (HeldKernel(costs(x, y, "squared") / 0.02), StreamedKernel(x, y, 0.02, "squared", 0)):
        assert torch.allclose(kernel.to_source(v), alone, rtol=1e-13, atol=1e-10)


@pytest.mark.parametrize("kind", COSTS)
def test_points_far_away_cost_neither_digits_nor_time(kind, monkeypatch):
    x, y, random = pair(4, 60, 50, 3)
    x[7] += 1e6
    eps = 2 * 0.1**2 if kind == "squared" else 0.1
    apart = costs(x, y, kind) / eps
    near = torch.arange(60) != 7
    v = 5 * torch.randn(50, generator=random, dtype=torch.float64)
    kernel = StreamedKernel(x, y, eps, kind, 0)
    looked = []
    for way in kernel.ways:
        look = way._looked
        monkeypatch.setattr(way, "_looked", lambda *given, look=look: looked.append(1) or look(*given))
    found = kernel.to_source(v)
    assert torch.allclose(found[near], torch.logsumexp(v - apart[near], 1), rtol=0, atol=1e-11)
    u = torch.full((60,), NOTHING, dtype=torch.float64)
    u[7] = 0.0  # all comes from far away
    assert torch.allclose(kernel.to_target(u), -apart[7], rtol=1e-13)
    u[20] = -100.0
    assert torch.allclose(kernel.to_target(u), torch.logsumexp(u - apart.T, 1), rtol=1e-13, atol=1e-10)
    assert len(looked) < 6
