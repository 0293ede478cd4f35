"""Exact assignments: always permutations, and those that SciPy finds for the whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_unscramble.aligning import assignment
from otframe_unscramble.aligning.assignment import assigned
from otframe_unscramble.aligning.sparse import Sparse
from scipy.optimize import linear_sum_assignment

from otframe.errors import DataError

SEEDS = st.integers(0, 2**31)


def noise(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def drawn(pixels, slots, seed):
    random = torch.Generator().manual_seed(seed)
    columns = torch.stack([torch.randperm(pixels, generator=random)[:slots] for _ in range(pixels)])
    return columns, torch.rand(pixels, slots, generator=random)


@settings(max_examples=50, deadline=None)
@given(pixels=st.integers(1, 12), slots=st.integers(1, 4), ties=st.booleans(), seed=SEEDS)
def test_it_is_always_a_permutation(pixels, slots, ties, seed):
    columns, weights = drawn(pixels, min(slots, pixels), seed)
    weights = torch.ones_like(weights) if ties else 1.5 * weights
    made = assigned(Sparse(columns, weights), noise(6, pixels, seed=seed), noise(6, pixels, seed=seed + 1)).dense()
    assert torch.equal(made.sum(0), torch.ones(pixels))
    assert torch.equal(made.sum(1), torch.ones(pixels))
    assert bool(((made == 0) | (made == 1)).all())


@settings(max_examples=25, deadline=None)
@given(pixels=st.integers(1, 15), seed=SEEDS)
def test_where_nothing_is_sure_it_is_that_of_least_error(pixels, seed):
    y, z = noise(5, pixels, seed=seed), noise(5, pixels, seed=seed + 1)
    columns, weights = drawn(pixels, 1, seed)
    made = assigned(Sparse(columns, 0.4 * weights), y, z).dense().double()
    cost = np.square(z.T.double().numpy()[:, None] - y.T.double().numpy()[None]).sum(-1)
    rows, picked = linear_sum_assignment(cost)
    assert float((made.numpy() * cost).sum()) == pytest.approx(cost[rows, picked].sum(), rel=1e-6)


def test_what_is_sure_stays_and_the_rest_is_assigned_among_itself():
    y = noise(40, 6)
    order = torch.tensor([2, 0, 1, 5, 3, 4])
    z = y[:, order]
    columns = torch.stack([order, order.roll(1)], 1)
    weights = torch.tensor([[0.9, 0.1]] * 3 + [[0.3, 0.3]] * 3)
    assert torch.equal(assigned(Sparse(columns, weights), y, z).columns, order)
    # two rows want one pixel: the stronger one has it, the other takes what is left
    columns[0, 0] = columns[1, 0]
    weights[0, 0] = 0.7
    assert torch.equal(assigned(Sparse(columns, weights), y, z).columns, order)
    # what is sure is not asked again
    wrong = order[[1, 0, 2, 3, 4, 5]]
    sure = Sparse(wrong[:, None].clone(), torch.ones(6, 1))
    assert torch.equal(assigned(sure, y, z).columns, wrong)


def test_equal_claims_are_settled():
    y = noise(10, 4)
    all_alike = Sparse(torch.zeros(4, 1, dtype=torch.int64), torch.ones(4, 1))
    made = assigned(all_alike, y, y[:, [0, 3, 1, 2]])
    assert made.columns.tolist() == [0, 3, 1, 2]


def test_what_is_no_permutation_is_refused(monkeypatch):
    columns, weights = drawn(4, 2, 0)
    with pytest.raises(DataError, match="got 5 scrambled and 4 clear ones"):
        assigned(Sparse(columns, weights), noise(3, 5), noise(3, 4))
    monkeypatch.setattr(assignment, "_MOST", 3)
    with pytest.raises(DataError, match="4 of 4 pixels are still undecided, the exact assignment takes 3"):
        assigned(Sparse(columns, 0.1 * weights), noise(3, 4), noise(3, 4))
