"""The scrambling itself, learnt sparse, and its inverse: the textbook formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from otframe_unscramble.aligning.forward import inverse, scrambling, stationary
from otframe_unscramble.aligning.sparse import Sparse

SIZE = (5, 6)
COUNT = 30


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def medium(outputs=24, facets=4, seed=0):
    """Rows of a few positive weights."""
    random = torch.Generator().manual_seed(seed)
    columns = torch.stack([torch.randperm(COUNT, generator=random)[:facets] for _ in range(outputs)])
    return torch.zeros(outputs, COUNT).scatter_(1, columns, 0.2 + torch.rand(outputs, facets, generator=random))


def written_out(rows):
    return torch.zeros(len(rows.columns), COUNT).scatter_add_(1, rows.columns, rows.weights)


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize("slots", [8, 99])
def test_a_sparse_medium_is_found(noise, slots):
    truth, z = medium(), normal(900, COUNT, seed=1).abs()
    y = z @ truth.T + noise * normal(900, 24, seed=2)
    rows, left = scrambling(y, z, 1, slots)
    assert rows.columns.shape == (24, min(slots, COUNT))
    assert float(rows.weights.min()) >= 0
    assert float((written_out(rows) - truth).abs().max()) < 2e-3 + 0.3 * noise
    assert left == pytest.approx(noise**2, rel=0.1, abs=1e-5)


def test_negative_weights_are_not_there_to_be_found():
    truth, z = medium(), normal(900, COUNT, seed=1)
    rows, left = scrambling(-z @ truth.T, z, 1, COUNT)
    assert float(rows.weights.abs().max()) < 0.2
    assert left > 0.1


def even(z):
    return stationary(z.reshape(-1, *SIZE))


def means_over_distances(pictures):
    """Second moments as means over all pairs of pixels that lie alike, written out."""
    count, (height, width) = len(pictures), SIZE
    places = [(i, j) for i in range(height) for j in range(width)]
    flat = pictures.double().numpy()
    seen = flat.T @ flat / count
    sums, numbers = {}, {}
    for a, (i, j) in enumerate(places):
        for b, (k, m) in enumerate(places):
            step = (i - k, j - m)
            sums[step] = sums.get(step, 0) + seen[a, b]
            numbers[step] = numbers.get(step, 0) + 1
    return np.array([[sums[i - k, j - m] / numbers[i - k, j - m] for k, m in places] for i, j in places])


@pytest.mark.parametrize("count", [1, 3, 40])
def test_stationary_moments_are_the_nearest_covariance_to_means_over_distances(count):
    pictures = normal(count, COUNT, seed=7).abs()
    values, vectors = np.linalg.eigh(means_over_distances(pictures))
    wanted = (vectors * values.clip(1e-9 * values[-1])) @ vectors.T
    assert np.abs(even(pictures).numpy() - wanted).max() < 1e-6


@pytest.mark.parametrize("count", [3, 40, 500])
def test_the_inverse_is_the_linear_estimate_of_least_mean_error(count):
    truth, z, left = medium().double().numpy(), normal(count, COUNT, seed=3).abs(), 0.01
    share = count / (count + COUNT)
    flat = z.double().numpy()
    cov = share * flat.T @ flat / count + (1 - share) * even(z).numpy()
    wanted = cov @ truth.T @ np.linalg.inv(truth @ cov @ truth.T + left * np.eye(24))
    columns = torch.arange(COUNT).expand(24, COUNT)
    made = inverse(Sparse(columns, medium()), left, z, even(z))
    assert made.shape == (COUNT, 24)
    assert np.abs(made.matrix.numpy() - wanted).max() < 1e-4


def test_no_other_operator_errs_less_on_such_pictures():
    truth, z, noise = medium(), normal(4000, COUNT, seed=3) @ normal(COUNT, COUNT, seed=4) / 5, 0.1
    y = z @ truth.T + noise * normal(4000, 24, seed=5)
    columns = torch.arange(COUNT).expand(24, COUNT)
    made = inverse(Sparse(columns, truth), noise**2, z, even(z)).matrix

    def error(operator):
        return float((y @ operator.T - z).square().mean())

    best = torch.linalg.lstsq(y, z).solution.T
    assert error(made) < 1.02 * error(best)
    assert error(torch.linalg.pinv(truth)) > 1.02 * error(made)


def test_an_invertible_medium_without_noise_is_undone():
    truth = torch.eye(COUNT) + 0.3 * torch.eye(COUNT).roll(1, 0)
    z = normal(200, COUNT, seed=6).abs()
    made = inverse(Sparse(torch.arange(COUNT).expand(COUNT, COUNT), truth), 0.0, z, even(z))
    assert float((made(z @ truth.T) - z).abs().max()) < 1e-3
