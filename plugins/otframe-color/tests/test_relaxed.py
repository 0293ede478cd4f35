"""Relaxed transport between palettes against exact transport, linear programs, and its own bounds."""

from __future__ import annotations

import itertools

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_color.relaxed import RelaxedTransport, spread_out
from otframe_color.relaxed_plan import solved
from otframe_color.relaxed_problem import Problem, neighbours
from scipy.optimize import linprog
from scipy.sparse import coo_array, eye_array, kron, vstack

from otframe.errors import ConvergenceError, DataError
from otframe.interfaces import Context
from otframe.values import PointCloud


def cloud(count: int, dim: int = 3, seed: int = 0, weighted: bool = True) -> PointCloud:
    random = np.random.default_rng(seed)
    weights = torch.from_numpy(random.random(count) + 0.2)
    points = torch.from_numpy(random.random((count, dim)) + 0.3 * seed)
    return PointCloud(points, weights / weights.sum() if weighted else None)


def problem(n=12, m=10, strength=0.1, low=0.5, high=2.0, norm="absolute", seed=0) -> Problem:
    source, target = cloud(n, seed=seed), cloud(m, seed=seed + 1)
    b = target.weights
    edges = neighbours(source.points, 3)
    return Problem(source.points, target.points, source.weights, low * b, high * b, edges, strength, norm)


def by_linear_program(p: Problem) -> float:
    """The same with absolute slopes, as a linear program: shares, and a bound for each slope's absolute value."""
    n, m, dim = len(p.x), len(p.y), p.x.shape[1]
    e = p.edges.shape[1]
    rows = np.repeat(np.arange(e), 2)
    scales = p.scales.numpy()
    graph = coo_array((np.stack([scales, -scales], 1).ravel(), (rows, p.edges.numpy().T.ravel())), shape=(e, n))
    slopes = vstack([kron(graph, p.y[:, k].numpy()[None]) for k in range(dim)])
    offset = np.concatenate([p.offset[:, k].numpy() for k in range(dim)])
    columns = kron(p.a.numpy()[None], eye_array(m))
    bounds = eye_array(e * dim)
    none = coo_array((m, e * dim))
    upper = vstack(
        [
            _beside(slopes, -bounds),
            _beside(-slopes, -bounds),
            _beside(columns, none),
            _beside(-columns, none),
        ]
    )
    limits = np.concatenate([offset, -offset, p.high.numpy(), -p.low.numpy()])
    shares = _beside(kron(eye_array(n), np.ones((1, m))), coo_array((n, e * dim)))
    costs = np.concatenate([p.costs.numpy().ravel(), np.full(e * dim, p.strength)])
    return linprog(costs, upper, limits, shares, np.ones(n), method="highs").fun


def _beside(first, second):
    return coo_array(np.hstack([first.toarray(), second.toarray()]))


@pytest.mark.parametrize(
    ("strength", "low", "high"), [(0.0, 1.0, 1.0), (0.0, 0.5, 2.0), (0.05, 1.0, 1.0), (0.05, 0.5, 2.0), (0.3, 0.0, 1.5)]
)
def test_the_objective_is_that_of_a_linear_program(strength, low, high):
    asked = problem(strength=strength, low=low, high=high)
    found = solved(asked, gap=1e-5, max_iter=100_000, ctx=Context())
    assert found.gap <= 1e-5
    wanted = by_linear_program(asked)
    assert found.objective == pytest.approx(asked.primal(found.shares))
    assert wanted - 1e-8 <= found.objective <= wanted + 1e-5


@pytest.mark.parametrize("norm", ["absolute", "squared"])
@settings(max_examples=10, deadline=None)
@given(
    n=st.integers(1, 9),
    m=st.integers(1, 9),
    low=st.floats(0, 1),
    high=st.floats(1, 4),
    strength=st.floats(0, 2),
    seed=st.integers(0, 20),
)
def test_bounds_hold_and_the_gap_is_a_proof(norm, n, m, low, high, strength, seed):
    asked = problem(n, m, strength, low, high, norm, seed)
    found = solved(asked, gap=1e-3, max_iter=400, ctx=Context())
    mass = asked.a @ found.shares
    assert torch.allclose(found.shares.sum(1), torch.ones(n, dtype=torch.float64))
    assert bool((found.shares >= 0).all())
    assert bool((mass >= asked.low - 1e-12).all())
    assert bool((mass <= asked.high + 1e-12).all())
    random = torch.Generator().manual_seed(seed)
    for _ in range(5):  # no plan that keeps the bounds is below what was proven
        other = asked.feasible(torch.rand(n, m, generator=random, dtype=torch.float64) ** 4)
        assert asked.primal(other) >= found.objective - found.gap - 1e-9


def test_without_regularity_and_with_tight_bounds_the_cost_is_that_of_exact_transport():
    source, target = cloud(40), cloud(30, seed=1)
    solver = RelaxedTransport(regularity=0.0, low=1.0, high=1.0, tolerance=1e-5)
    made = solver.solve(source, target, ctx=Context())
    costs = ot.dist(source.points.numpy(), target.points.numpy())
    wanted = ot.emd2(source.weights.numpy(), target.weights.numpy(), costs)
    assert wanted - 1e-9 <= made.cost <= wanted + 1e-5


@pytest.mark.parametrize("norm", ["absolute", "squared"])
def test_more_regularity_gives_less_variation_and_costs_more(norm):
    asked = [problem(15, 15, strength, norm=norm) for strength in (0.0, 0.03, 0.3)]
    found = [solved(one, gap=1e-3, max_iter=60_000, ctx=Context()).shares for one in asked]
    costs = [one.cost(shares) for one, shares in zip(asked, found, strict=True)]
    variations = [one.variation(shares) for one, shares in zip(asked, found, strict=True)]
    assert all(later > earlier - 2e-3 for earlier, later in itertools.pairwise(costs))
    assert all(later < earlier + 2e-3 / 0.03 for earlier, later in itertools.pairwise(variations))
    assert variations[-1] < 0.5 * variations[0]


def test_wider_bounds_cost_less():
    costs = [
        RelaxedTransport(regularity=0.0, low=low, high=high, tolerance=1e-4)
        .solve(cloud(20), cloud(20, seed=1), ctx=Context())
        .cost
        for low, high in ((1.0, 1.0), (0.7, 1.4), (0.0, 3.0))
    ]
    assert costs[0] > costs[1] + 1e-3
    assert costs[1] > costs[2] + 1e-3


def test_a_shift_is_a_shift_for_every_colour():
    source = cloud(60, weighted=False)
    by = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64)
    made = RelaxedTransport(low=1.0, high=1.0, tolerance=1e-4).solve(
        source, PointCloud(source.points + by), ctx=Context()
    )
    asked = torch.rand(100, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert float((made(asked) - asked - by).abs().max()) < 0.01
    assert made.cost == pytest.approx(float(by.square().sum()), rel=1e-3)


def test_near_colours_move_alike():
    """The map is smooth, whatever plan it was made of: no step of the table is far above what means can have."""
    made = RelaxedTransport(palette=40).solve(cloud(3000), cloud(3000, seed=1), ctx=Context())
    steps = torch.cat([made.table.diff(dim=axis).reshape(-1, 3) for axis in range(3)])
    extent = float((made.table.amax((0, 1, 2)) - made.table.amin((0, 1, 2))).norm())
    assert float(steps.norm(dim=1).max()) < 0.25 * max(extent, 1e-9)


def test_what_is_spread_out_keeps_constants_everywhere_and_affine_values_nearly():
    x = cloud(200).points
    values = torch.full((200, 2), 0.7, dtype=torch.float64)
    far = torch.cat([torch.randn(50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 100, x])
    assert torch.allclose(spread_out(x, values, far), values.new_full((250, 2), 0.7))
    slope = torch.tensor([[1.0, 0.2], [-0.5, 1], [0, 0.3]], dtype=torch.float64)
    left = spread_out(x, x @ slope, x) - x @ slope
    assert float(left.square().mean().sqrt()) < 0.1 * float((x @ slope).std())


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 20), (20, 1), (2, 2)])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_few_points(n, m, dim):
    made = RelaxedTransport().solve(cloud(n, dim), cloud(m, dim, seed=1), ctx=Context())
    assert torch.isfinite(made(cloud(5, dim, seed=2).points)).all()
    if m == 1 and dim != 3:  # there a table's cells round it
        assert torch.allclose(made.images, cloud(1, dim, seed=1).points.expand_as(made.images))


def test_points_that_coincide():
    same = PointCloud(torch.full((50, 3), 0.4))
    made = RelaxedTransport().solve(same, cloud(50, seed=1), ctx=Context())
    assert torch.isfinite(made(torch.rand(9, 3))).all()
    made = RelaxedTransport().solve(same, same, ctx=Context())
    assert made.cost == pytest.approx(0, abs=1e-12)


def test_what_is_not_reached_is_an_error_that_carries_the_map():
    with pytest.raises(ConvergenceError, match="max_iter") as caught:
        RelaxedTransport(max_iter=1, tolerance=1e-6).solve(cloud(40), cloud(40, seed=1), ctx=Context())
    assert not caught.value.state.info.converged
    assert caught.value.state.info.residual > 0


@pytest.mark.parametrize("port", ["source", "target"])
def test_what_cannot_be_used_is_refused(port):
    bad = [
        PointCloud(torch.full((3, 3), torch.nan)),
        PointCloud(torch.rand(3, 3), torch.tensor([-1.0, 1.0, 1.0])),
        PointCloud(torch.rand(3, 3), torch.zeros(3)),
        PointCloud(torch.rand(3, 2)),
    ]
    for one in bad:
        given_clouds = {"source": cloud(9), "target": cloud(9), port: one}
        with pytest.raises(DataError):
            RelaxedTransport().solve(**given_clouds, ctx=Context())


def test_the_seed_decides():
    first, second = (
        RelaxedTransport(palette=10).solve(cloud(200), cloud(200, seed=1), ctx=Context(seed=3)) for _ in "ab"
    )
    assert torch.equal(first.table, second.table)
