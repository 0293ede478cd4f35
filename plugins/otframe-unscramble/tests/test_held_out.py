"""Held-out predictions: those of regressions that really leave each picture out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_unscramble.aligning.held_out import Regression

from otframe.errors import DataError
from otframe.values import DenseMap, LowRankMap


def noise(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def solved(y, z, lift):
    """The matrix (D, d) of a ridge regression, float64."""
    y, z = y.double().numpy(), z.double().numpy()
    return np.linalg.solve(y.T @ y + lift * np.eye(y.shape[1]), y.T @ z).T


def lift_of(y, ridge):
    return ridge * float(y.double().square().sum()) / y.shape[1]


@settings(max_examples=25, deadline=None)
@given(
    pictures=st.integers(3, 12),
    pixels=st.integers(2, 20),
    group=st.sampled_from([1, 3]),
    ridge=st.sampled_from([0.01, 0.1, 1.0]),
    seed=st.integers(0, 2**31),
)
def test_predictions_are_those_without_the_picture(pictures, pixels, group, ridge, seed):
    y, z = noise(pictures * group, pixels, seed=seed), noise(pictures * group, 7, seed=seed + 1)
    fit = Regression(y, group).at(ridge)
    assert fit.dual == (pictures * group < pixels)
    found, lift = fit.predictions(z).double().numpy(), lift_of(y, ridge)
    for k in range(pictures):
        out = np.arange(k * group, (k + 1) * group)
        others = np.setdiff1d(np.arange(pictures * group), out)
        wanted = y[out].double().numpy() @ solved(y[others], z[others], lift).T
        assert np.abs(found[out] - wanted).max() < 2e-4 * max(1.0, 0.1 / ridge)


@pytest.mark.parametrize(("samples", "kind"), [(9, LowRankMap), (60, DenseMap)])
def test_the_map_and_its_rows_are_the_regression(samples, kind):
    y, z, ridge = noise(samples, 20), noise(samples, 11, seed=1), 0.03
    fit, wanted = Regression(y, 3).at(ridge), solved(y, z, lift_of(y, ridge))
    made = fit.map(z)
    assert isinstance(made, kind)
    assert np.abs(made.dense().numpy() - wanted).max() < 1e-4
    assert np.abs(fit.rows(z, 4, 9).numpy() - wanted[4:9]).max() < 1e-4


def test_a_picture_does_not_predict_itself():
    """Whatever its target is, its own prediction stays; those of others do not."""
    y, z = noise(12, 30), noise(12, 5, seed=1)
    fit = Regression(y, 3).at(0.01)
    other = z.clone()
    other[3:6] += 1.0
    before, after = fit.predictions(z), fit.predictions(other)
    assert torch.allclose(before[3:6], after[3:6], atol=1e-4)
    assert float((before - after).abs()[:3].max()) > 0.01


def test_regressions_from_the_same_samples_share_them():
    regression = Regression(noise(8, 20), 1)
    first = regression.at(0.1)
    assert regression.at(0.1) is first
    assert regression.at(0.2) is not first


def test_black_pictures_are_refused():
    with pytest.raises(DataError, match="all black"):
        Regression(torch.zeros(6, 5), 1)
