"""Regressions on few columns: row by row what SciPy and NumPy find, and the simplex by trying all supports."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_unscramble.aligning import support
from otframe_unscramble.aligning.sparse import Sparse, _pruned, _refitted
from otframe_unscramble.aligning.support import grams, moments, of_columns, solved
from scipy.optimize import nnls

QUICK = settings(max_examples=20, deadline=None)
SEEDS = st.integers(0, 2**31)


def problem(rows=6, pixels=9, samples=40, slots=4, seed=0):
    """Pixels first, as in the regressions; targets that no weights meet exactly."""
    random = torch.Generator().manual_seed(seed)
    y = torch.rand(pixels, samples, generator=random)
    columns = torch.stack([torch.randperm(pixels, generator=random)[:slots] for _ in range(rows)])
    weights = torch.randn(rows, slots, generator=random)
    z = of_dense(y, columns, weights) + 0.3 * torch.randn(rows, samples, generator=random)
    return y, z, columns


def of_dense(y, columns, weights):
    full = torch.zeros(len(columns), len(y)).scatter_add_(1, columns, weights)
    return full @ y


def given_by(y, z, columns):
    return grams(y, columns), moments(y, z, columns)


@pytest.mark.parametrize("chunk", [None, 50])
def test_sums_are_those_of_matrices(chunk, monkeypatch):
    if chunk:
        monkeypatch.setattr(support, "_CHUNK", chunk)
    y, z, columns = problem()
    gram, b = given_by(y, z, columns)
    for i, row in enumerate(columns):
        taken = y[row].double()
        assert torch.allclose(gram[i].double(), taken @ taken.T, rtol=1e-5)
        assert torch.allclose(b[i].double(), taken @ z[i].double(), rtol=1e-5, atol=1e-4)
    weights = torch.randn(columns.shape, generator=torch.Generator().manual_seed(3))
    assert torch.allclose(of_columns(y, columns, weights), of_dense(y, columns, weights), atol=1e-5)


def test_a_column_that_is_there_twice_counts_twice():
    y = torch.rand(3, 5)
    made = of_columns(y, torch.tensor([[1, 1]]), torch.tensor([[0.5, 2.0]]))
    assert torch.allclose(made, 2.5 * y[1:2])


@QUICK
@given(slots=st.integers(1, 8), seed=SEEDS)
def test_positive_weights_are_those_of_nnls(slots, seed):
    y, z, columns = problem(slots=slots, seed=seed)
    found = solved(*given_by(y, z, columns), torch.full(columns.shape, 0.1), "positive", sweeps=500)
    assert float(found.min()) >= 0
    for i, row in enumerate(columns):
        wanted, _ = nnls(y[row].T.double().numpy(), z[i].double().numpy())
        assert np.abs(found[i].numpy() - wanted).max() < 2e-3 * max(1, np.abs(wanted).max())


@QUICK
@given(slots=st.integers(1, 8), seed=SEEDS)
def test_free_weights_are_those_of_least_squares(slots, seed):
    y, z, columns = problem(slots=slots, seed=seed)
    found = solved(*given_by(y, z, columns), torch.zeros(columns.shape), "free")
    for i, row in enumerate(columns):
        wanted = np.linalg.lstsq(y[row].T.double().numpy(), z[i].double().numpy(), rcond=None)[0]
        assert np.abs(found[i].numpy() - wanted).max() < 2e-3 * max(1, np.abs(wanted).max())


def on_simplex(y, z):
    """The best weights on the simplex: each support by its equations, the best one that is not negative."""
    gram, b = y @ y.T, y @ z
    best, least = None, np.inf
    for size in range(1, len(y) + 1):
        for held in map(list, combinations(range(len(y)), size)):
            system = np.block([[gram[np.ix_(held, held)], np.ones((size, 1))], [np.ones((1, size)), np.zeros((1, 1))]])
            weights = np.zeros(len(y))
            weights[held] = np.linalg.solve(system, np.append(b[held], 1))[:-1]
            value = weights @ gram @ weights / 2 - b @ weights
            if weights.min() >= 0 and value < least:
                best, least = weights, value
    return best


@QUICK
@given(slots=st.integers(1, 5), seed=SEEDS)
def test_weights_on_the_simplex_are_the_best_there(slots, seed):
    y, z, columns = problem(slots=slots, seed=seed)
    found = solved(*given_by(y, z, columns), torch.rand(columns.shape), "simplex")
    assert float(found.min()) >= 0
    assert torch.allclose(found.sum(1), torch.ones(len(found)), atol=1e-5)
    for i, row in enumerate(columns):
        wanted = on_simplex(y[row].double().numpy(), z[i].double().numpy())
        assert np.abs(found[i].numpy() - wanted).max() < 5e-3


@QUICK
@given(points=st.lists(st.floats(-5, 5), min_size=1, max_size=7), seed=SEEDS)
def test_projections_are_the_nearest_points_of_the_simplex(points, seed):
    """No point of the simplex lies on the other side of the projection: the variational inequality."""
    at = torch.tensor([points]).double()
    near = support._projected(at)[0]
    assert float(near.min()) >= 0
    assert float(near.sum()) == pytest.approx(1, abs=1e-9)
    others = torch.eye(len(points)).double()  # corners are enough
    assert float(((others - near) @ (at[0] - near)).max()) < 1e-9


@pytest.mark.parametrize("constraint", ["positive", "simplex", "free"])
def test_twins_and_darkness_give_numbers(constraint):
    y = torch.rand(5, 30, generator=torch.Generator().manual_seed(0))
    y[1], y[2] = y[0], 0
    z, columns = y[:1] * 0.7, torch.tensor([[0, 1, 2]])
    found = solved(*given_by(y, z, columns), torch.zeros(1, 3), constraint)
    assert bool(torch.isfinite(found).all())
    dark = solved(torch.zeros(1, 3, 3), torch.zeros(1, 3), torch.zeros(1, 3), constraint)
    assert bool(torch.isfinite(dark).all())
    if constraint != "simplex":
        assert torch.allclose(of_columns(y, columns, found), z, atol=1e-3)


def test_what_is_pruned_is_out_and_the_rest_is_fitted_again():
    y, z, columns = problem(rows=30, slots=6, seed=4)
    gram, b = given_by(y, z, columns)
    first = solved(gram, b, torch.full(columns.shape, 0.1), "positive", sweeps=300)
    cut = _pruned(Sparse(columns, first, 3, 0.5), 0.2)
    assert bool(((first >= 0.2 * first.sum(1, keepdim=True)) == (cut.weights > 0)).logical_or(first == 0).all())
    assert bool(((cut.weights == 0) & (first > 0)).any())
    made = _refitted(cut, gram, b, "positive")
    assert (made.rounds, made.change) == (3, 0.5)
    for i, row in enumerate(columns):
        held = (cut.weights[i] > 0).numpy()
        assert not made.weights[i].numpy()[~held].any()
        if not held.any():
            continue
        wanted, _ = nnls(y[row].T.double().numpy()[:, held], z[i].double().numpy())
        assert np.abs(made.weights[i].numpy()[held] - wanted).max() < 2e-3 * max(1, np.abs(wanted).max(initial=0))


def test_the_largest_weight_of_a_row_always_stays():
    columns = torch.arange(3).expand(2, 3)
    cut = _pruned(Sparse(columns, torch.tensor([[0.3, 0.4, 0.3], [0.0, 0.9, 0.1]])), 0.95)
    assert cut.weights.count_nonzero(1).eq(1).all()
    assert cut.weights.argmax(1).eq(1).all()


def test_free_weights_are_pruned_by_their_size():
    y, z, columns = problem(rows=20, slots=3, seed=4)
    gram, b = given_by(y, z, columns)
    free = solved(gram, b, torch.zeros(columns.shape), "free")
    assert bool((free < 0).any())
    made = _refitted(_pruned(Sparse(columns, free), 0.0), gram, b, "free")
    assert torch.allclose(made.weights, free, atol=1e-4)
