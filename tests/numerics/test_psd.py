"""Positive semidefinite matrices: roots, ranges, and the Gelbrich distance, at every scale of the data."""

from __future__ import annotations

import math

import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from otframe.errors import DataError
from otframe.numerics import gelbrich_squared, pinv_sqrt, spectrum, sqrt

QUICK = settings(max_examples=100, deadline=None)
SCALES = st.sampled_from([1e-6, 1e-2, 1.0, 1e6])


def covariance(d, rank, seed, scale=1.0):
    g = torch.Generator().manual_seed(seed)
    factor = torch.randn(d, rank, generator=g, dtype=torch.float64) * scale
    return factor @ factor.T


@QUICK
@given(d=st.integers(1, 8), missing=st.integers(0, 3), seed=st.integers(0, 2**31), scale=SCALES)
def test_roots_at_every_scale(d, missing, seed, scale):
    rank = max(1, d - missing)
    S = covariance(d, rank, seed, scale)
    root = sqrt(S)
    assert torch.allclose(root @ root, S, rtol=0, atol=1e-13 * d * float(S.abs().max()))
    found = spectrum(S)
    if float(found.values[rank - 1]) > 1e-6 * float(found.values[0]):
        assert found.rank == rank
        white = pinv_sqrt(S) @ S @ pinv_sqrt(S)  # the projection on the range
        assert torch.allclose(white @ white, white, rtol=0, atol=1e-7)
        assert float(torch.diagonal(white).sum()) == pytest.approx(rank, abs=1e-7)


def test_zero_and_not_finite():
    assert spectrum(torch.zeros(3, 3)).rank == 0
    assert torch.equal(pinv_sqrt(torch.zeros(3, 3)), torch.zeros(3, 3, dtype=torch.float64))
    with pytest.raises(DataError, match="finite"):
        sqrt(torch.full((2, 2), math.nan))
    with pytest.raises(DataError, match="square"):
        spectrum(torch.zeros(2, 3))


@QUICK
@given(d=st.integers(1, 6), seed=st.integers(0, 2**31), scale=SCALES)
def test_gelbrich_is_the_distance_of_peers(d, seed, scale):
    g = torch.Generator().manual_seed(seed)
    m0, m1 = torch.randn(2, d, generator=g, dtype=torch.float64) * scale
    S0, S1 = covariance(d, d + 2, seed, scale), covariance(d, d + 2, seed + 1, scale)
    found = gelbrich_squared(m0, S0, m1, S1)
    unit = scale**2
    peer = float(ot.gaussian.bures_wasserstein_distance(m0 / scale, m1 / scale, S0 / unit, S1 / unit)) ** 2
    assert found / unit == pytest.approx(peer, rel=1e-8)
    assert found == pytest.approx(gelbrich_squared(m1, S1, m0, S0), rel=1e-9)
    assert gelbrich_squared(m0, S0, m0, S0) <= 1e-12 * unit


def test_gelbrich_of_degenerate_laws():
    zero = torch.zeros(2, dtype=torch.float64)
    x, y = torch.diag(torch.tensor([4.0, 0.0])), torch.diag(torch.tensor([0.0, 9.0]))
    assert gelbrich_squared(zero, x.double(), zero, y.double()) == pytest.approx(13)
    with pytest.raises(DataError, match="one dimension"):
        gelbrich_squared(zero, x, torch.zeros(3), torch.eye(3))
