"""The transport of a histogram into capacities: against a linear programme, and what must hold whatever the prices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_segment.cost import ground_cost
from otframe_segment.terms import Term
from scipy.optimize import linprog

SLOT, OTHER = (0, 0), (1, 0)


def programme(cost, mass, room, waste=1.0):
    """The least cost by HiGHS: plan entries, then what finds no room."""
    n, m = cost.shape
    rows = np.hstack([np.kron(np.eye(n), np.ones(m)), np.eye(n)])
    columns = np.hstack([np.kron(np.ones(n), np.eye(m)), np.zeros((m, n))])
    found = linprog(np.concatenate([cost.ravel(), np.full(n, waste)]), A_ub=columns, b_ub=room, A_eq=rows, b_eq=mass)
    assert found.status == 0
    return found.fun


def problem(seed, n=7, m=5):
    dice = np.random.default_rng(seed)
    cost = dice.random((n, m))
    return cost, dice.random(n) * (dice.random(n) < 0.8), dice.dirichlet(np.ones(m))


def bounds(term, histograms, blur):
    zero = {slot: torch.zeros(len(term.cost), dtype=torch.float64) for slot in histograms}
    term.add_prices(zero, 0.0)
    return sum(float((zero[slot] * histograms[slot]).sum()) for slot in histograms), term.value(histograms, blur)


@given(st.integers(0, 10**6), st.sampled_from([1.0, 1.5, 4.0]))
@settings(max_examples=15, deadline=None)
def test_prices_rise_to_the_least_cost(seed, capacity):
    cost, mass, exemplar = problem(seed)
    term = Term(torch.from_numpy(cost), SLOT, capacity, exemplar=torch.from_numpy(exemplar))
    histograms = {SLOT: torch.from_numpy(mass)}
    exact = programme(cost, mass, capacity * mass.sum() * exemplar)
    for blur in np.geomspace(0.1, 0.002, 400):
        lower, upper = bounds(term, histograms, 0.01)
        assert lower <= exact + 1e-9 <= upper + 2e-9, "whatever the prices, these are bounds"
        term.ascend(histograms, float(blur), 1.0)
    lower, upper = bounds(term, histograms, 0.002)
    assert upper - lower < 0.02 * max(1.0, mass.sum())
    assert lower <= exact + 1e-9 <= upper + 2e-9


def test_what_another_region_offers():
    cost, mass, _ = problem(5, 6, 6)
    offered = np.random.default_rng(1).random(6) * 0.1
    term = Term(torch.from_numpy(cost), SLOT, 2.0, target=OTHER, waste=0.4, weight=0.5)
    histograms = {SLOT: torch.from_numpy(mass), OTHER: torch.from_numpy(offered)}
    exact = 0.5 * programme(cost, mass, 2.0 * offered, waste=0.4)
    for blur in np.geomspace(0.1, 0.002, 400):
        term.ascend(histograms, float(blur), 1.0)
    lower, upper = bounds(term, histograms, 0.002)
    assert lower <= exact + 1e-9 <= upper + 2e-9
    assert upper - lower < 0.02


def test_a_histogram_like_its_exemplar_costs_nothing():
    exemplar = torch.tensor([0.2, 0.3, 0.5]).double()
    cost = ground_cost(torch.rand(3, 3), "saturated", 0.1)
    term = Term(cost, SLOT, 1.0, exemplar=exemplar)
    assert term.value({SLOT: 0.3 * exemplar}, 1e-3) == pytest.approx(0, abs=1e-6)


def test_bin_by_bin_is_half_the_l1_distance():
    dice = np.random.default_rng(2)
    mass, exemplar = dice.dirichlet(np.ones(6)), dice.dirichlet(np.ones(6))
    cost = ground_cost(torch.rand(6, 3), "binwise", 0.1)
    assert programme(cost.numpy(), mass, exemplar) == pytest.approx(0.5 * np.abs(mass - exemplar).sum())


@pytest.mark.parametrize("kind", ["saturated", "truncated", "distance", "binwise"])
def test_costs_are_symmetric_and_bounded(kind):
    points = torch.rand(20, 4, generator=torch.Generator().manual_seed(0))
    cost = ground_cost(points, kind, 0.3)
    assert torch.equal(cost, cost.T)
    assert float(cost.diagonal().abs().max()) == 0
    assert 0 < float(cost[0, 1:].min()) <= float(cost.max()) <= 1
    # far colours cost more
    order = torch.cdist(points[:1], points)[0].argsort()
    assert bool((cost[0, order].diff() >= 0).all())
