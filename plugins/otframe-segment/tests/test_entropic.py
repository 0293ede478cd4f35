"""The entropic transport to an exemplar: its bounds, its optimum, and the likelihood that it is without prices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from otframe_segment.entropic import EntropicTerm
from scipy.optimize import minimize

SLOT = (0, 0)


def problem(seed, capacity, entropy=0.15):
    dice = np.random.default_rng(seed)
    cost, mass, exemplar = dice.random((5, 4)), dice.random(5) + 0.05, dice.dirichlet(np.ones(4))
    term = EntropicTerm(torch.from_numpy(cost), SLOT, capacity, exemplar=torch.from_numpy(exemplar), entropy=entropy)
    return term, {SLOT: torch.from_numpy(mass)}, cost, mass, exemplar


def lower(term, histograms):
    costs = {SLOT: torch.zeros(5, dtype=torch.float64)}
    term.add_prices(costs, 0.0)
    return float((costs[SLOT] * histograms[SLOT]).sum())


@pytest.mark.parametrize("capacity", [1.0, 1.3, 3.0])
def test_prices_rise_to_the_optimum(capacity):
    term, histograms, *_ = problem(1, capacity)
    for _ in range(400):
        assert lower(term, histograms) <= term.value(histograms, 0.0) + 1e-9
        term.ascend(histograms, 0.0, 1.0)
    assert term.value(histograms, 0.0) - lower(term, histograms) < 1e-3


def test_the_dual_by_another_optimiser():
    term, histograms, cost, mass, exemplar = problem(2, 1.2)

    def dual(prices):
        near = np.log(exemplar) - (cost + prices) / 0.15
        both = np.concatenate([near, np.full((5, 1), -1 / 0.15)], 1)
        return 0.15 * (mass * np.log(np.exp(both).sum(1))).sum() + 1.2 * mass.sum() * (exemplar * prices).sum()

    best = -minimize(dual, np.zeros(4), bounds=[(0, 5)] * 4).fun
    for _ in range(600):
        term.ascend(histograms, 0.0, 1.0)
    assert lower(term, histograms) == pytest.approx(best, abs=1e-4)
    assert term.value(histograms, 0.0) == pytest.approx(best, abs=1e-3)


def test_without_prices_it_is_a_likelihood():
    term, histograms, cost, _, exemplar = problem(3, 1e6)
    costs = {SLOT: torch.zeros(5, dtype=torch.float64)}
    term.add_prices(costs, 0.0)
    density = np.exp(-cost / 0.15) @ exemplar + np.exp(-1 / 0.15)
    assert costs[SLOT].numpy() == pytest.approx(-0.15 * np.log(density))
    assert term.value(histograms, 0.0) == pytest.approx(lower(term, histograms), abs=1e-9)
