"""`exact.assignment`: against all permutations, and against the network simplex."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from otframe_exact import assignment
from otframe_exact.assignment import Assignment
from otframe_exact.network import NetworkTransport

from otframe.errors import DataError, SolveError
from otframe.testing.truths import convex_gradient
from otframe.values import PointCloud


def cloud(seed, n, d, *, lattice=False):
    random = torch.Generator().manual_seed(seed)
    points = torch.randn(n, d, generator=random, dtype=torch.float64)
    return PointCloud(points.round() if lattice else points)


@pytest.mark.parametrize("p", [1.0, 2.0, 2.5])
@pytest.mark.parametrize("lattice", [False, True])
@pytest.mark.parametrize("n", [1, 2, 6])
def test_no_permutation_costs_less(kit, p, lattice, n):
    source, target = cloud(n, n, 2, lattice=lattice), cloud(n + 1, n, 2, lattice=lattice)
    plan = Assignment(p=p).solve(source, target)
    c = kit.costs(source, target, p)
    kit.proven(plan, source, target, c)
    best = min(c[np.arange(n), order].mean() for order in itertools.permutations(range(n)))
    assert plan.cost == pytest.approx(best, rel=1e-12, abs=1e-15)
    assert sorted(plan.cols.tolist()) == list(range(n))


def test_the_network_simplex_agrees(kit):
    source, target = cloud(0, 300, 4), cloud(1, 300, 4)
    plan, other = Assignment().solve(source, target), NetworkTransport().solve(source, target)
    assert torch.equal(plan.rows, torch.arange(300))
    assert torch.equal(plan.cols, other.cols[other.rows.argsort()])
    assert plan.cost == pytest.approx(other.cost, rel=1e-12)
    kit.proven(plan, source, target, kit.costs(source, target))


def test_the_gradient_of_a_convex_function_is_found():
    source = cloud(2, 200, 5)
    images = convex_gradient(source.points)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(0))
    plan = Assignment().solve(source, PointCloud(images[order]))
    assert torch.equal(order[plan.cols], torch.arange(200))
    assert torch.allclose(plan(source.points), images)


def test_constant_weights_are_equal_and_others_refused():
    source, target = cloud(0, 5, 2), cloud(1, 5, 2)
    plain = Assignment().solve(source, target)
    weighted = Assignment().solve(PointCloud(source.points, torch.full((5,), 0.2)), target)
    assert weighted.cost == plain.cost
    with pytest.raises(DataError, match="equal weights") as caught:
        Assignment().solve(PointCloud(source.points, torch.tensor([0.1, 0.1, 0.1, 0.1, 0.6])), target)
    assert caught.value.hint == "use exact.network"
    with pytest.raises(DataError, match="as many points, got 5 and 4"):
        Assignment().solve(source, cloud(1, 4, 2))


def test_a_matrix_that_is_too_large_is_an_error():
    with pytest.raises(SolveError, match="20 x 20 costs .* over dense_limit = 399") as caught:
        Assignment(dense_limit=399).solve(cloud(0, 20, 2), cloud(1, 20, 2))
    assert "exact.network" in caught.value.hint


def test_a_permutation_that_is_not_optimal_does_not_pass(monkeypatch):
    """The certificate is there to tell."""
    monkeypatch.setattr(assignment, "linear_sum_assignment", lambda c: (np.arange(len(c)), np.arange(len(c))))
    with pytest.raises(SolveError, match="a relative gap of"):
        Assignment().solve(cloud(0, 20, 2), cloud(1, 20, 2))
