"""The primal-dual iteration: its pieces, and its bounds against all labellings and a linear programme."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_segment.planes import Binned, divergence_into, on_simplex, stretched
from otframe_segment.solve import Grid, bounds, solve
from otframe_segment.terms import Term
from scipy.optimize import linprog


def randomly(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.integers(2, 6), st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_the_simplex(count, seed):
    planes = 4 * randomly(count, 3, 4, seed=seed) - 2
    found = on_simplex(planes.clone())
    assert float(found.min()) >= 0
    assert torch.allclose(found.sum(0), torch.ones(3, 4).double())
    # the nearest point: no corner lies on the far side
    for corner in torch.eye(count).double():
        inward = ((planes - found) * (corner[:, None, None] - found)).sum(0)
        assert float(inward.max()) < 1e-9


def test_the_divergence_is_the_transposed_gradient():
    planes, dual = randomly(2, 5, 7), torch.zeros(2, 2, 5, 7).double()
    field = randomly(2, 2, 5, 7, seed=1)
    stretched(dual, planes, 1.0, torch.full((5, 7), 1e9).double())
    out = divergence_into(torch.zeros_like(planes), field)
    assert float((dual * field).sum()) == pytest.approx(float((out * planes).sum()))


def test_sums_over_colours():
    bins = torch.randint(0, 6, (9, 8), generator=torch.Generator().manual_seed(0))
    bins[bins == 3] = 2  # a colour that no pixel has
    plane = randomly(9, 8).float()
    wanted = torch.bincount(bins.reshape(-1), plane.reshape(-1), 6)
    assert torch.allclose(Binned(bins, 6).sums(plane), wanted)


def problem(seed, height=3, width=4, regions=2, colours=4, bound=0.3, capacity=1.5):
    dice = np.random.default_rng(seed)
    bins = torch.from_numpy(dice.integers(0, colours, (height, width)))
    fixed = torch.full((height, width), -1)
    fixed.view(-1)[:regions] = torch.arange(regions)
    cost = torch.from_numpy(dice.random((colours, colours))).fill_diagonal_(0)
    exemplars = [torch.from_numpy(dice.dirichlet(np.ones(colours))) for _ in range(regions)]
    terms = [Term(cost, (0, k), capacity, exemplar=exemplar) for k, exemplar in enumerate(exemplars)]
    return Grid(bins, colours, torch.full((height, width), bound), fixed, regions), terms, bins


@pytest.mark.parametrize(("seed", "regions"), [(0, 2), (1, 2), (2, 3)])
def test_no_labelling_is_under_the_lower_bound(seed, regions):
    height, width = (3, 3) if regions == 2 else (2, 4)
    grid, terms, bins = problem(seed, height, width, regions)
    outcome = solve([grid], terms, blurs=(0.1, 0.005), max_iter=1000, tolerance=1e-3)
    least = np.inf
    for free in itertools.product(range(regions), repeat=height * width - regions):
        labels = torch.tensor([*range(regions), *free]).reshape(height, width)
        other = Grid(bins, 4, grid.bound, labels, regions)
        for term in terms:
            for _ in range(8):
                term.ascend({(0, k): h for k, h in enumerate(other.histograms(other.planes))}, 0.01, 1.0)
        least = min(least, bounds([other], terms, 0.01, {})[0])
    assert outcome.lower <= least + 1e-6
    assert outcome.gap < 0.02
    assert outcome.upper <= least + 0.02, "the relaxation costs no more than the best labelling"


def test_without_a_perimeter_it_is_a_linear_programme():
    grid, terms, bins = problem(4, 4, 5, bound=0.0, capacity=1.2)
    outcome = solve([grid], terms, blurs=(0.1, 0.003), max_iter=2000, tolerance=1e-4)
    # variables: the first region's pixels, then both plans; the second region has what is left
    n, m = bins.numel(), 4
    counts = np.zeros((m, n))
    counts[bins.reshape(-1).numpy(), np.arange(n)] = 1 / n
    rows = np.kron(np.eye(m), np.ones(m))
    columns = np.kron(np.ones(m), np.eye(m))
    none = np.zeros((m, m * m))
    exemplars = [term.exemplar.numpy()[:, None] * np.full((1, n), 1.2 / n) for term in terms]
    equal = np.block([[-counts, rows, none], [counts, none, rows]])
    upper = np.block([[-exemplars[0], columns, none], [exemplars[1], none, columns]])
    cost = terms[0].cost.numpy().ravel()
    found = linprog(
        np.concatenate([np.zeros(n), cost, cost]),
        A_ub=upper,
        b_ub=np.concatenate([np.zeros(m), exemplars[1].sum(1)]),
        A_eq=equal,
        b_eq=np.concatenate([np.zeros(m), counts.sum(1)]),
        bounds=[(1, 1), (0, 0), *[(0, 1)] * (n - 2), *[(0, None)] * (2 * m * m)],
    )
    assert found.status == 0
    assert outcome.lower <= found.fun + 1e-6
    assert outcome.upper >= found.fun - 1e-6
    assert outcome.gap < 0.01


def test_what_is_not_reached_is_told():
    grid, terms, _ = problem(3, 6, 6)
    outcome = solve([grid], terms, blurs=(0.1, 0.01), max_iter=2, tolerance=1e-6)
    assert not outcome.converged
    assert outcome.iterations == 2
    assert outcome.gap > 1e-6
