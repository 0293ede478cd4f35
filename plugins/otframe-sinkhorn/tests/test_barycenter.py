"""`sinkhorn.barycenter` of densities: closed forms, optimality, POT, symmetries."""

import math

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_sinkhorn.barycenter import SinkhornBarycenter
from otframe_sinkhorn.grid import SinkhornGrid

from otframe.interfaces import Context
from otframe.values import Density


def run(*densities, **params):
    return SinkhornBarycenter(**{"tol": 1e-7, **params}).solve(list(densities), ctx=Context())


def gaussian(n, mean, variance, side=1.0):
    places = torch.arange(n, dtype=torch.float64) * (side / n)
    return torch.exp(-((places - mean) ** 2) / (2 * variance))


def moments(mass, axis, side=1.0):
    """Mean and variance along an axis."""
    line = mass.movedim(axis, 0).flatten(1).sum(1) if mass.ndim > 1 else mass
    places = torch.arange(len(line), dtype=torch.float64) * (side / len(line))
    mean = float((line * places).sum() / line.sum())
    return mean, float((line * (places - mean) ** 2).sum() / line.sum())


def variance_of(variances, weights, eps, debiased):
    """The barycentre's variance: the cross-covariance of an entropic plan of Gaussians with variances S and v is
    `(sqrt(eps^2 / 4 + 4 S v) - eps / 2) / 2`, and the gradients of the costs `x^2 (1 - cross / S)` and less."""

    def slope(S):
        cross = [(math.sqrt(eps**2 / 4 + 4 * S * v) - eps / 2) / 2 for v in (*variances, S)]
        mean = sum(w * c for w, c in zip(weights, cross[:-1], strict=True))
        return (cross[-1] if debiased else S - eps / 2) - mean

    low, high = 1e-9, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return low


@pytest.mark.parametrize("debiased", [False, True])
@pytest.mark.parametrize("blur", [0.02, 0.05])
def test_gaussians_of_one_variance(debiased, blur):
    a, b = (gaussian(160, mean, 0.05**2) for mean in (0.35, 0.6))
    found = run(Density(a), Density(b), blur=blur, weights=(3.0, 1.0), debiased=debiased)
    mean, variance = moments(found.mass, 0)
    assert mean == pytest.approx(0.75 * 0.35 + 0.25 * 0.6, abs=1e-6)
    assert variance == pytest.approx(0.05**2 + (0 if debiased else blur**2), rel=1e-4)
    wanted = gaussian(160, mean, variance)
    assert float((found.mass - wanted / wanted.sum()).abs().sum()) < 1e-3


@pytest.mark.parametrize("debiased", [False, True])
def test_gaussians_of_two_axes_and_variances(debiased):
    masses = [
        gaussian(64, 0.5, v)[:, None] * gaussian(48, 0.36, u, 0.75) for v, u in ((0.05**2, 0.09**2), (0.11**2, 0.04**2))
    ]
    found = run(*map(Density, masses), blur=0.04, weights=(0.4, 0.6), debiased=debiased, tol=1e-5)
    eps = 2 * 0.04**2
    for axis, side, variances in ((0, 1.0, (0.05**2, 0.11**2)), (1, 0.75, (0.09**2, 0.04**2))):
        wanted = variance_of(variances, (0.4, 0.6), eps, debiased)
        assert moments(found.mass, axis, side)[1] == pytest.approx(wanted, rel=2e-3)


def test_diracs_meet_in_the_middle():
    a, b = torch.zeros(2, 30, 40, dtype=torch.float64)
    a[6, 4], b[14, 28] = 1, 1
    plain = run(Density(a), Density(b), blur=0.05, weights=(1.0, 3.0), debiased=False)
    places = plain.positions()
    middle = 0.25 * places[6, 4] + 0.75 * places[14, 28]
    wanted = torch.softmax(-((places - middle).square().sum(-1) / (2 * 0.05**2)).flatten(), 0).reshape(30, 40)
    assert torch.allclose(plain.mass, wanted, atol=1e-9)
    sharp = run(Density(a), Density(b), blur=0.05, weights=(1.0, 3.0), tol=1e-4)
    assert sharp.mass.flatten().argmax() == plain.mass.flatten().argmax()
    assert moments(sharp.mass, 0, 0.75)[0] == pytest.approx(float(middle[0]), abs=1e-4)
    assert moments(sharp.mass, 0, 0.75)[1] < 0.1 * 0.05**2


def test_copies_of_a_density_have_it_for_their_debiased_barycentre(density):
    mass = density(1, 12, 14).mass
    found = run(*[Density(mass * scale) for scale in (1.0, 2.0, 0.5)])
    assert torch.allclose(found.mass, mass / mass.sum(), rtol=1e-14)
    assert found.info.iterations == 0
    # and so, nearly, do those that differ a little, for which it iterates
    other = Density(mass * (1 + 1e-9 * density(2, 12, 14).mass))
    near = run(Density(mass), other, blur=0.04, tol=1e-8)
    assert near.info.iterations > 0
    assert float((near.mass - found.mass).abs().sum()) < 1e-3


def test_a_density_of_all_the_weight_is_its_debiased_barycentre(density):
    first, second = density(3, 9, 8), density(4, 9, 8)
    found = run(first, second, weights=(1.0, 0.0))
    assert torch.allclose(found.mass, first.mass / first.mass.sum(), rtol=1e-14)
    plain = run(first, second, weights=(1.0, 0.0), blur=0.1, debiased=False)
    rows, columns = (torch.exp(-(((torch.arange(n)[:, None] - torch.arange(n)) / 9.0) ** 2) / 0.02) for n in (9, 8))
    rows, columns = rows.double(), columns.double()
    ones = rows @ torch.ones_like(first.mass) @ columns
    wanted = rows @ (first.mass / first.mass.sum() / ones) @ columns
    assert torch.allclose(plain.mass, wanted, atol=1e-7)


CASES = [
    ((13, 11), "squared", 0.1, 3),
    ((13, 11), "squared", 0.025, 3),
    ((13, 11), "absolute", 0.06, 3),
    ((13, 11), "absolute", 0.02, 2),
    ((6, 5, 7), "squared", 0.12, 4),
    ((40,), "squared", 0.03, 2),
    ((1, 40), "squared", 0.03, 5),
]


@pytest.mark.parametrize("debiased", [False, True])
@pytest.mark.parametrize(("shape", "kind", "blur", "count"), CASES)
def test_the_gradient_is_zero_where_there_is_mass(density, shape, kind, blur, count, debiased):
    """The derivative of an entropic cost is its potential, which another solver finds."""
    given = [density(k, *shape) for k in range(count)]
    weights = torch.arange(1, count + 1).double()
    weights /= weights.sum()
    params = {"blur": blur, "cost": kind}
    found = run(*given, weights=tuple(weights.tolist()), debiased=debiased, tol=3e-5, iterations=20_000, **params)
    eps = 2 * blur**2 if kind == "squared" else blur
    solver = SinkhornGrid(tol=1e-7, iterations=100_000, **params)
    solved = [solver.solve(found, other, ctx=Context()) for other in given]
    gradient = sum(w * one.f for w, one in zip(weights, solved, strict=True)) / eps
    if debiased:
        own = solver.solve(found, found, ctx=Context())
        gradient = gradient - (own.f + own.g) / 2 / eps
    else:
        gradient = gradient + found.mass.log()
    gradient = gradient - (found.mass * gradient).sum()
    assert float((found.mass * gradient.abs()).sum()) < 5e-3
    assert found.info.residual < 3e-5


def test_plain_barycentres_are_those_of_pot(density):
    given = [density(k, 14, 14, holes=0.1) for k in range(3)]
    step = 1 / 13  # the grid of POT goes from 0 to 1
    found = run(
        *[Density(part.mass, (step, step)) for part in given],
        blur=math.sqrt(0.004 / 2),
        unit="length",
        weights=(0.2, 0.3, 0.5),
        debiased=False,
        tol=1e-9,
    )
    stack = np.stack([(part.mass / part.mass.sum()).numpy() for part in given])
    wanted = ot.bregman.convolutional_barycenter2d(
        stack, 0.004, weights=np.array([0.2, 0.3, 0.5]), stopThr=1e-13, numItermax=20_000, warn=False
    )
    assert np.abs(found.mass.numpy() - wanted).sum() < 1e-6


@pytest.mark.parametrize("debiased", [False, True])
def test_a_shift_of_all_is_one_of_the_barycentre(density, debiased):
    def placed(down, right):
        masses = torch.zeros(3, 48, 40, dtype=torch.float64)
        for k in range(3):
            masses[k, 14 + down : 24 + down, 12 + k + right : 22 + k + right] = density(k, 10, 10).mass
        return [Density(mass) for mass in masses]

    here, there = (run(*placed(*by), blur=0.02, debiased=debiased, tol=1e-4) for by in ((0, 0), (7, 5)))
    moved = torch.roll(here.mass, (7, 5), (0, 1))
    assert float((moved - there.mass).abs().sum()) < (0.1 if debiased else 1e-3)
    assert moments(there.mass, 0)[0] - moments(here.mass, 0)[0] == pytest.approx(7 / 48, abs=1e-4)


@pytest.mark.parametrize("debiased", [False, True])
def test_the_order_of_the_densities_does_not_matter(density, debiased):
    given = [density(k, 20, 17) for k in range(4)]
    weights = (0.1, 0.2, 0.3, 0.4)
    one = run(*given, blur=0.03, weights=weights, debiased=debiased, tol=1e-4)
    two = run(*given[::-1], blur=0.03, weights=weights[::-1], debiased=debiased, tol=1e-4)
    assert torch.allclose(one.mass, two.mass, atol=1e-9)
    assert one.info.iterations == two.info.iterations


@settings(deadline=None, max_examples=20)
@given(scales=st.tuples(*[st.sampled_from([1e-12, 1e-3, 1.0, 1e12])] * 3), debiased=st.booleans())
def test_masses_of_any_sum_are_brought_to_one(scales, debiased):
    random = torch.Generator().manual_seed(1)
    masses = torch.rand(3, 6, 7, generator=random, dtype=torch.float64)
    plain = run(*map(Density, masses), blur=0.1, debiased=debiased, tol=1e-4)
    scaled = run(
        *[Density(mass * s) for mass, s in zip(masses, scales, strict=True)], blur=0.1, debiased=debiased, tol=1e-4
    )
    assert torch.allclose(scaled.mass, plain.mass, atol=1e-8)
    assert float(scaled.mass.sum()) == pytest.approx(1, abs=1e-12)


def test_a_row_is_a_line(density):
    lines = [density(k, 50) for k in range(3)]
    line = run(*lines, blur=0.02, tol=1e-4)
    row = run(*[Density(part.mass[None]) for part in lines], blur=0.02, tol=1e-4)
    assert torch.allclose(line.mass, row.mass[0], atol=1e-10)


@pytest.mark.parametrize("debiased", [False, True])
def test_units_of_length(density, debiased):
    given = [density(k, 10, 20) for k in range(2)]
    side = run(*given, blur=0.1, debiased=debiased, tol=1e-4)
    assert torch.equal(run(*given, blur=2.0, unit="cell", debiased=debiased, tol=1e-4).mass, side.mass)
    wide = [Density(part.mass, (0.5, 0.5)) for part in given]
    scaled = run(*wide, blur=1.0, unit="length", debiased=debiased, tol=1e-4)
    assert scaled.spacing == (0.5, 0.5)
    assert torch.allclose(scaled.mass, side.mass, atol=1e-9)


def test_where_the_kernel_fits_and_where_it_does_not_one_barycentre_is_found(density):
    """A long axis leaves the range of float64, so that all axes are done in the logarithmic domain."""
    masses = [torch.zeros(24, 90, dtype=torch.float64) for _ in range(2)]
    for k, mass in enumerate(masses):
        mass[:, :24] = density(k, 24, 24).mass
    params = {"blur": 1.2, "unit": "cell", "debiased": False, "tol": 1e-10}
    long = run(*[Density(mass, (1.0, 1.0)) for mass in masses], **params)
    short = run(*[Density(mass[:, :44], (1.0, 1.0)) for mass in masses], **params)
    assert torch.allclose(long.mass[:, :44], short.mass, atol=1e-9)
