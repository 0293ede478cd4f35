"""The capped loss: a plain iteration written down, finite differences, the exact programme, and what is refused."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_unscramble.capped import CappedCost
from otframe_unscramble.capped_kernel import CappedKernel
from pydantic import ValidationError

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.values import Density


def masses(seed, count, height, width, least=0.01):
    made = np.random.default_rng(seed).random((count, height, width)) ** 3 + least
    return torch.from_numpy(made / made.sum((1, 2), keepdims=True))


def distances(height, width, cap):
    down, across = np.divmod(np.arange(height * width), width)
    return np.minimum(np.hypot(down[:, None] - down, across[:, None] - across), cap)


def plain(a, b, costs, rate, iterations):
    """Scalings of columns `(D, k)`, written down as published."""
    kernel = np.exp(-rate * costs)
    u = np.ones_like(a)
    for _ in range(iterations):
        u = a / (kernel @ (b / (kernel.T @ u)))
    return u, b / (kernel.T @ u)


@pytest.mark.parametrize("held", [10**6, 0])
@pytest.mark.parametrize(("shape", "cap"), [((6, 5), 10.0), ((14, 3), 3.5), ((3, 13), 4.0), ((1, 9), 2.0)])
def test_it_is_the_plain_iteration(shape, cap, held):
    loss = CappedCost(cap=cap, iterations=30, held=held)
    a, b = masses(1, 3, *shape), masses(2, 3, *shape)
    x = a.clone().requires_grad_()
    values = loss.losses(x, b)
    values.sum().backward()
    rows = [mass.flatten(1).numpy().T for mass in (a, b)]
    u, v = plain(*rows, distances(*shape, cap), 10.0, 30)
    f, g = np.log(u) / 10, np.log(v) / 10
    assert np.allclose(values.detach().numpy(), (f * rows[0] + g * rows[1]).sum(0), atol=1e-12)
    slopes = x.grad.flatten(1).numpy().T
    assert np.allclose(slopes - slopes.mean(0), f - f.mean(0), atol=1e-11)


def test_the_kernel_is_that_of_the_distances():
    unit = torch.eye(30, dtype=torch.float64)
    wanted = np.exp(-4 * distances(6, 5, 2.5))
    for held in (900, 899):
        kernel = CappedKernel((6, 5), (1.0, 1.0), 2.5, 4.0, held, unit.device)
        assert (kernel.full is None) is (held == 899)
        assert np.allclose(kernel(unit).numpy(), wanted, rtol=1e-13)


@pytest.mark.parametrize("side", ["source", "target"])
def test_derivatives_are_those_of_finite_differences(side):
    loss = CappedCost(cap=3.0, rate=3.0, iterations=3000)
    pair = {"source": masses(3, 1, 4, 5), "target": masses(4, 1, 4, 5)}
    moved = torch.randn(1, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    pair[side].requires_grad_()
    loss.losses(pair["source"], pair["target"]).sum().backward()
    slope = float((pair[side].grad * moved).sum())
    ends = []
    for sign in (1, -1):
        shifted = {key: mass.detach().clone() for key, mass in pair.items()}
        shifted[side] += sign * 1e-6 * moved
        ends.append(float(loss.losses(shifted["source"], shifted["target"])))
    assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(slope, rel=1e-5)


def test_less_entropy_comes_to_the_exact_cost():
    import ot

    a, b = masses(5, 1, 5, 4), masses(6, 1, 5, 4)
    exact = ot.emd2(a.flatten().numpy(), b.flatten().numpy(), distances(5, 4, 2.0))
    gaps = []
    for rate in (4.0, 16.0, 64.0):
        cost = CappedCost(cap=2.0, rate=rate, iterations=3000)
        value = float(cost.losses(a, b))
        # the entropy of a plan of 20 x 20 entries is at most log 400, and not negative
        assert -math.log(400) / rate - 1e-9 <= value - exact <= 1e-6
        gaps.append(exact - value)
    assert gaps == sorted(gaps, reverse=True)


def test_it_says_how_far_it_came():
    a, b = (Density(mass[0]) for mass in (masses(7, 1, 8, 8), masses(8, 1, 8, 8)))
    few, many = (CappedCost(rate=2.0, iterations=n)(a, b, ctx=Context()) for n in (2, 2000))
    assert few.info.iterations == 2
    assert not few.info.converged
    assert few.info.residual > 1e-3
    assert many.info.converged
    assert many.info.residual < 1e-9
    assert many.cost.number == pytest.approx(float(CappedCost(rate=2.0, iterations=2000).loss(a, b)), abs=1e-12)


@given(seed=st.integers(0, 10**6), holes=st.booleans(), power=st.integers(1, 30))
@settings(deadline=None, max_examples=20)
def test_float32_neither_under_nor_overflows(seed, holes, power):
    """In float32 the kernel, of e^-100, and scalings, of e^100, would; masses may be tiny or nothing."""
    a, b = ((mass**power + 1e-30).float() for mass in (masses(seed, 2, 7, 16), masses(seed + 1, 2, 7, 16)))
    if holes:
        a[:, :, :9], b[:, :, 5:] = 0, 0
    a.requires_grad_()
    values = CappedCost(cap=30.0).losses(a, b)
    values.sum().backward()
    assert values.dtype == torch.float32
    assert bool(torch.isfinite(values).all())
    assert bool(torch.isfinite(a.grad).all())


def test_what_cannot_be_is_told():
    good = masses(9, 2, 4, 4)
    for a, b, words in ((good, good[:, :3], "batches"), (good, -good, "not negative"), (good * 0, good, "positive")):
        with pytest.raises(DataError, match=words):
            CappedCost().losses(a, b)
    with pytest.raises(DataError, match="one grid"):
        CappedCost().loss(Density(good[0]), Density(good[0], (1.0, 1.0)))
    with pytest.raises(ValidationError, match="underflow"):
        CappedCost(rate=100.0)
