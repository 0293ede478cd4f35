"""Noise of stochastic patch maps: its covariance on patches, and its variance once folded."""

from __future__ import annotations

import pytest
import torch

from otframe.errors import DataError
from otframe.numerics import folded_noise, white_field
from otframe.numerics.noise_fold import NoiseFold


def noise_cov(channels, size, rank, seed=0):
    g = torch.Generator().manual_seed(seed)
    factor = torch.randn(channels * size**2, rank, generator=g, dtype=torch.float64)
    return factor @ factor.T


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_folded_variance_is_that_of_the_patches(size):
    channels, shape = 2, (2, 300, 300)
    cov = noise_cov(channels, size, 5)
    field = folded_noise(shape, cov, size, seed=3).double()
    assert tuple(field.shape) == shape
    wanted = torch.diagonal(cov).view(channels, -1).mean(1)
    # 90000 samples, correlated over (2p - 1)^2: a relative error of a few parts in a hundred is five deviations.
    assert torch.allclose(field.var((1, 2)), wanted, rtol=0.01 + 0.02 * size)
    edge = torch.cat([field[:, :2].flatten(1), field[:, -2:].flatten(1)], 1)  # the frame is as noisy as the inside
    assert torch.allclose(edge.square().mean(1), wanted, rtol=0.1 + 0.1 * size)
    assert float(field.mean().abs()) < 0.1 * float(wanted.max().sqrt())


def test_rows_have_the_covariance():
    cov = noise_cov(2, 2, 4)
    ready = NoiseFold(cov, 2, torch.float64)
    rows = torch.cat([ready.rows(white_field((2, 200, 200), 2, seed)) for seed in range(3)])
    found = rows.T @ rows / len(rows)
    assert torch.allclose(found, cov, rtol=0, atol=0.03 * float(cov.abs().max()))


def test_same_seed_same_noise_and_none_of_none():
    cov = noise_cov(1, 3, 2)
    first, again, other = (folded_noise((1, 20, 30), cov, 3, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not folded_noise((1, 9, 9), torch.zeros(9, 9, dtype=torch.float64), 3, 0).any()
    with pytest.raises(DataError):
        folded_noise((1, 9, 9), torch.zeros(9, 9), 2, 0)


def test_white_patch_noise_is_kept_whole():
    """Isotropic noise is white on the grid: consistent patches lose nothing, and the gain is 1."""
    ready = NoiseFold(0.25 * torch.eye(27, dtype=torch.float64), 3, torch.float64)
    assert torch.allclose(ready.gain, torch.ones(3, dtype=torch.float64), atol=1e-12)
    white = white_field((3, 12, 15), 3, 0).double()
    assert torch.allclose(ready.field(white), 0.5 * white[:, 2:-2, 2:-2], atol=1e-12)
