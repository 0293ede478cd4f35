"""Divergences of a batch at once: those of one by one, their derivatives, and what is refused."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_sinkhorn.divergence import SinkhornDivergence
from otframe_sinkhorn.grids.batch import QuickKernel
from otframe_sinkhorn.grids.kernel import GridKernel

from otframe.errors import ConvergenceError, DataError
from otframe.values import Density


def batch(seed, count, *shape, power=1.0):
    """Masses with holes."""
    mass = torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.where(mass < 0.2, 0.0, mass**power)


@pytest.mark.parametrize("shape", [(30,), (12, 9), (5, 6, 4)])
@pytest.mark.parametrize("params", [{}, {"cost": "absolute"}, {"reach": 0.5}, {"unit": "cell", "blur": 1.5}])
def test_they_are_the_losses_of_one_by_one(shape, params):
    loss = SinkhornDivergence(**{"blur": 0.1, "tol": 1e-9, **params})
    a, b = batch(1, 3, *shape, power=3), batch(2, 3, *shape)
    spacing = tuple(0.1 * (1 + k) for k in range(len(shape)))
    found = []
    for many in (True, False):
        x, y = a.clone().requires_grad_(), b.clone().requires_grad_()
        if many:
            values = loss.losses(x, y, spacing)
        else:
            values = torch.stack([loss.loss(Density(x[k], spacing), Density(y[k], spacing)) for k in range(3)])
        values.sum().backward()
        found.append((values.detach(), x.grad, y.grad))
    for quick, slow in zip(*found, strict=True):
        assert torch.allclose(quick, slow, rtol=1e-6, atol=1e-7 * float(slow.abs().max()))


def test_a_loose_tolerance_is_the_error_of_the_derivatives():
    a, b = batch(3, 4, 16, 14), batch(4, 4, 16, 14)
    slopes = []
    for tol in (1e-10, 1e-2):
        x = a.clone().requires_grad_()
        SinkhornDivergence(blur=1.0, unit="cell", tol=tol).losses(x, b).sum().backward()
        slopes.append(x.grad)
    assert 0 < float((slopes[1] - slopes[0]).abs().max()) < 0.05 * float(slopes[0].abs().max())


@given(seed=st.integers(0, 10**6), far=st.floats(0.0, 900.0), cost=st.sampled_from(["squared", "absolute"]))
@settings(deadline=None, max_examples=20)
def test_quick_sums_are_exact_where_products_would_underflow(seed, far, cost):
    v = far * torch.randn(2, 40, 7, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    v[1] /= 1 + far
    made = [kind((40, 7), (1.0, 0.5), 0.6, cost, v.device)(v) for kind in (QuickKernel, GridKernel)]
    assert torch.allclose(*made, rtol=1e-13, atol=1e-11)


def test_equal_measures_are_0_apart_and_masses_far_apart_are_told_apart():
    a = batch(5, 2, 60, 60)
    b = a.clone()
    b[1] = 0
    b[1, 55:, 55:] = 1
    a[1] = 0
    a[1, :4, :4] = 1
    made = SinkhornDivergence(blur=1.0, unit="cell", tol=1e-3).losses(a, b, (1.0, 1.0))
    assert float(made[0]) < 1e-9
    # two squares of sides 4 and 5 cells, their middles 55.5 cells apart along each axis
    assert float(made[1]) == pytest.approx(2 * (55.5**2 + 0.36 * 0.25), abs=1.0)


def test_what_does_not_fit_or_does_not_converge_is_told():
    loss = SinkhornDivergence(blur=0.1)
    a = batch(6, 2, 6, 5)
    for sources, targets, words in ((a, a[:, :4], "batches"), (a, -a, "not negative"), (a, a * torch.nan, "finite")):
        with pytest.raises(DataError, match=words):
            loss.losses(sources, targets)
    with pytest.raises(DataError, match="spacings"):
        loss.losses(a, a, (1.0,))
    with pytest.raises(DataError, match="absolute"):
        SinkhornDivergence(cost="distance").losses(a, a)
    with pytest.raises(ConvergenceError):
        SinkhornDivergence(blur=0.02, iterations=3).losses(a, batch(7, 2, 6, 5))
