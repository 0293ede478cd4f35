"""The Sinkhorn divergence against closed forms, finite differences, and what a divergence has to be."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_sinkhorn.clouds.loss import point_divergence
from otframe_sinkhorn.divergence import SinkhornDivergence
from otframe_sinkhorn.grids.loss import grid_divergence
from otframe_sinkhorn.stop import Stop

from otframe.errors import ConvergenceError, DataError, SolveError
from otframe.interfaces import Context
from otframe.testing.entropic import entropic_cost, gaussian_divergence, unbalanced_cost
from otframe.testing.hostile import hostile_mass
from otframe.values import Density, GaussianLaw, PointCloud

EXACT = Stop(1e-11, 100_000)


def law(mean, var):
    return GaussianLaw(torch.tensor(mean).double(), torch.diag(torch.tensor(var).double()))


def sampled(gauss, n, mass=1.0):
    """The law on a grid of n cells a side of length 1: sums over cells are integrals, but for the tails."""
    axes = [torch.arange(n, dtype=torch.float64) / n] * gauss.dim
    places = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1) - gauss.mean
    made = torch.exp(-(places.square() / (2 * gauss.cov.diagonal())).sum(-1))
    return mass * made / made.sum()


def measured(source, target, **params):
    return SinkhornDivergence(**{"tol": 1e-11, **params})(source, target, ctx=Context())


LAWS = [
    (law([0.45], [0.003]), law([0.55], [0.002]), 200),
    (law([0.45, 0.55], [0.002, 0.0015]), law([0.53, 0.48], [0.001, 0.0022]), 64),
]


@pytest.mark.parametrize(("source", "target", "n"), LAWS)
@pytest.mark.parametrize("blur", [0.03, 0.1])
def test_gaussians_have_their_closed_form(source, target, n, blur):
    eps = 2 * blur**2
    a, b = sampled(source, n), sampled(target, n)
    found = measured(Density(a), Density(b), blur=blur)
    assert found.divergence.number == pytest.approx(gaussian_divergence(source, target, eps), rel=1e-6)
    assert found.info.converged


@pytest.mark.parametrize(("source", "target", "n"), LAWS)
@pytest.mark.parametrize("masses", [(1.0, 1.0), (2.0, 0.7)])
def test_unbalanced_gaussians_have_their_closed_form(source, target, n, masses):
    blur, reach = 0.05, 0.2
    eps, rho = 2 * blur**2, 2 * reach**2
    a, b = (sampled(law, n, mass) for law, mass in zip((source, target), masses, strict=True))
    found = measured(Density(a), Density(b), blur=blur, reach=reach).divergence.number
    pairs = [(source, target, masses), (source, source, masses[:1] * 2), (target, target, masses[1:] * 2)]
    both, own, other = (unbalanced_cost(first, second, mass, eps, rho) for first, second, mass in pairs)
    assert found == pytest.approx(both - own / 2 - other / 2 + eps / 2 * (masses[0] - masses[1]) ** 2, rel=1e-6)


def test_a_large_reach_is_balanced():
    (source, target, _), eps = LAWS[1], 0.02
    balanced = entropic_cost(source, target, eps)
    assert unbalanced_cost(source, target, (1.0, 1.0), eps, 1e6) == pytest.approx(balanced, rel=1e-6)


def test_clouds_and_densities_agree(density):
    source, target = density(1, 9, 11), density(2, 9, 11)
    for params in ({"blur": 0.1}, {"blur": 0.1, "cost": "absolute"}, {"blur": 0.2, "reach": 0.4}):
        grid = measured(source, target, unit="length", **params).divergence.number
        clouds = [PointCloud(d.positions()[d.mass > 0], d.mass[d.mass > 0]) for d in (source, target)]
        points = measured(*clouds, unit="length", **params).divergence.number
        assert points == pytest.approx(grid, rel=1e-9)


def test_a_small_blur_gives_the_exact_cost(density):
    import ot

    source, target = density(5, 12, 10), density(6, 12, 10)
    source.mass[:, 4:] = 0
    target.mass[:, :6] = 0
    places = source.positions().reshape(-1, 2).numpy()
    masses = [(d.mass / d.mass.sum()).flatten().numpy() for d in (source, target)]
    exact = ot.emd2(*masses, ot.dist(places, places))
    gaps = [
        abs(measured(source, target, blur=blur, tol=1e-6).divergence.number - exact) / exact
        for blur in (0.2, 0.1, 0.05)
    ]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 0.01


def test_a_translation_is_worth_its_length_squared():
    """The mass is moved as a whole, and the bias of both is the same: no blur is too large."""
    points = torch.rand(40, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    by = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64)
    for blur in (0.1, 0.3, 1.0):
        found = measured(PointCloud(points), PointCloud(points + by), blur=blur, tol=1e-8)
        assert found.divergence.number == pytest.approx(float(by.square().sum()), rel=1e-7)


@pytest.mark.parametrize("reach", [None, 0.3])
@pytest.mark.parametrize("cost", ["squared", "absolute"])
def test_the_derivatives_on_grids_are_those_of_finite_differences(cost, reach):
    random = torch.Generator().manual_seed(1)
    a, b = (torch.rand(2, 3, 2, generator=random, dtype=torch.float64) for _ in range(2))
    a[0, 0], b[1, :, 1] = 1e-3, 1e-3

    def loss(a, b):
        return grid_divergence(a, b, blur=0.2, cost=cost, reach=reach, stop=EXACT)

    assert torch.autograd.gradcheck(
        loss, (a.requires_grad_(), b.requires_grad_()), eps=1e-6, atol=1e-7, rtol=1e-6, fast_mode=True
    )


@pytest.mark.parametrize("reach", [None, 0.6])
@pytest.mark.parametrize("cost", ["squared", "absolute", "distance", "function"])
def test_the_derivatives_on_clouds_are_those_of_finite_differences(cost, reach):
    random = torch.Generator().manual_seed(1)
    x, y = (torch.rand(1, n, 2, generator=random, dtype=torch.float64) for n in (3, 2))
    a, b = (torch.rand(1, n, generator=random, dtype=torch.float64) + 0.1 for n in (3, 2))
    inputs = [part.requires_grad_() for part in (x, y, a, b)]

    def loss(x, y, a, b):
        chosen = (lambda x, y: (x[:, None] - y).abs().pow(1.5).sum(-1)) if cost == "function" else cost
        return point_divergence(x, y, a, b, blur=0.2, cost=chosen, reach=reach, stop=EXACT)

    assert torch.autograd.gradcheck(loss, inputs, eps=1e-6, atol=1e-7, rtol=1e-6, fast_mode=True)


def test_the_derivative_is_right_where_there_is_no_mass():
    a = torch.zeros(1, 6, dtype=torch.float64)
    a[0, 1:3] = 0.5
    b = torch.full((1, 6), 1 / 6, dtype=torch.float64)
    more = torch.zeros_like(a)
    more[0, 5] = 1
    a.requires_grad_()
    value = grid_divergence(a, b, blur=0.4, stop=EXACT)
    value.sum().backward()
    step = 1e-6
    moved = grid_divergence(a.detach() + step * more, b, blur=0.4, stop=EXACT)
    assert float((moved - value).detach()) / step == pytest.approx(float((a.grad * more).sum()), rel=1e-4)


@pytest.mark.parametrize("tol", [1e-3, 1e-6])
def test_a_tolerance_is_the_error_of_derivatives_and_the_root_of_the_values(density, tol):
    found = []
    for stop in (Stop(1e-12, 10**5), Stop(tol)):
        a, b = (density(seed, 16, 14).mass[None].clone().requires_grad_() for seed in (1, 2))
        value = grid_divergence(a, b, blur=0.05, stop=stop)
        value.sum().backward()
        found.append((float(value.detach()), a.grad))
    (exact, slope), (value, near) = found
    assert abs(value - exact) < 0.1 * tol**2
    assert float((near - slope).abs().max()) < 10 * tol * float(slope.abs().max())


def test_a_batch_is_its_problems():
    random = torch.Generator().manual_seed(2)
    a, b = (torch.rand(3, 7, 6, generator=random, dtype=torch.float64) for _ in range(2))
    whole = grid_divergence(a, b, blur=0.1, stop=EXACT)
    alone = torch.cat([grid_divergence(a[k : k + 1], b[k : k + 1], blur=0.1, stop=EXACT) for k in range(3)])
    assert torch.allclose(whole, alone, rtol=1e-9)
    x, y = (torch.rand(3, n, 2, generator=random, dtype=torch.float64) for n in (8, 5))
    whole = point_divergence(x, y, blur=0.1, stop=EXACT)
    alone = torch.cat([point_divergence(x[k : k + 1], y[k : k + 1], blur=0.1, stop=EXACT) for k in range(3)])
    assert torch.allclose(whole, alone, rtol=1e-9)


def test_descending_it_brings_a_cloud_to_its_target():
    random = torch.Generator().manual_seed(3)
    target = PointCloud(torch.rand(30, 2, generator=random, dtype=torch.float64))
    loss = SinkhornDivergence(blur=0.05, unit="length", tol=1e-4)
    x = torch.randn(30, 2, generator=random).mul(0.1).requires_grad_()
    first = None
    for _ in range(20):
        value = loss.loss(PointCloud(x), target)
        assert value.dtype == torch.float32
        first = float(value.detach()) if first is None else first
        (slope,) = torch.autograd.grad(value, x)
        # in units of the mass of a point this goes to the barycentre at once
        x = (x - 15 * slope).detach().requires_grad_()
    assert float(loss.loss(PointCloud(x), target).detach()) < 1e-3 * first


def test_derivatives_of_derivatives_are_refused():
    a = torch.rand(1, 5, dtype=torch.float64, requires_grad=True)
    value = grid_divergence(a, torch.ones(1, 5), blur=0.2)
    with pytest.raises(SolveError, match="once"):
        torch.autograd.grad(value.sum(), a, create_graph=True)
    x = torch.rand(1, 5, 2, dtype=torch.float64, requires_grad=True)
    with pytest.raises(SolveError, match="once"):
        torch.autograd.grad(point_divergence(x, x.detach() + 1, blur=1.0).sum(), x, create_graph=True)


def hostile(dice, shape):
    return Density(torch.from_numpy(hostile_mass(dice, shape)))


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    shape=st.sampled_from([(30,), (9, 12), (14, 1), (1, 1), (4, 5, 3)]),
    blur=st.floats(0.002, 1),
    cost=st.sampled_from(["squared", "absolute"]),
    equal=st.booleans(),
    cloud=st.booleans(),
)
def test_it_is_never_negative_and_nothing_between_equal_measures(seed, shape, blur, cost, equal, cloud):
    dice = np.random.default_rng(seed)
    source = hostile(dice, shape)
    target = source if equal else hostile(dice, shape)
    if cloud:
        source, target = source.cloud(), target.cloud()
    try:
        found = measured(source, target, blur=blur, cost=cost, tol=1e-5, iterations=1000).divergence.number
    except ConvergenceError as error:
        found = float(error.state.values[0])
    assert math.isfinite(found)
    assert found >= 0
    if equal:
        assert found < 1e-9


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    blur=st.floats(0.01, 1),
    reach=st.floats(0.01, 10),
    scale=st.sampled_from([1e-6, 1, 1e6]),
)
def test_masses_that_count_are_never_compared_below_zero(seed, blur, reach, scale):
    random = torch.Generator().manual_seed(seed)
    a, b = (scale * torch.rand(1, 9, 7, generator=random, dtype=torch.float64) for _ in range(2))
    b *= float(torch.rand(1, generator=random)) * 3
    value = grid_divergence(a, b, blur=blur, reach=reach, stop=Stop(1e-6, 10**5))
    assert bool(torch.isfinite(value).all())
    assert float(value) > 0
    assert float(grid_divergence(a, a, blur=blur, reach=reach)) <= 1e-9 * float(a.sum() + a.sum() ** 2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: measured(Density(torch.ones(3, 3)), Density(torch.ones(3, 4))), "one grid"),
        (lambda: measured(Density(torch.ones(3)), PointCloud(torch.ones(3, 1))), "the target a cloud"),
        (lambda: measured(PointCloud(torch.ones(3, 1)), Density(torch.ones(3))), "the target a density"),
        (lambda: measured(PointCloud(torch.ones(3, 1)), PointCloud(torch.ones(3, 2))), "dimension"),
        (lambda: measured(PointCloud(torch.ones(3, 1)), PointCloud(torch.ones(3, 1)), unit="cell"), "no cells"),
        (lambda: measured(Density(torch.ones(3)), Density(torch.ones(3)), cost="distance"), "on a grid"),
        (lambda: grid_divergence(torch.ones(2, 3), torch.ones(1, 3), blur=1), "two batches"),
        (lambda: grid_divergence(torch.ones(1, 3), -torch.ones(1, 3), blur=1), "not negative"),
        (lambda: grid_divergence(torch.ones(1, 3), torch.full((1, 3), math.nan), blur=1), "finite"),
        (lambda: grid_divergence(torch.ones(1, 3), torch.ones(1, 3), blur=1, spacing=(1, 1)), "as many spacings"),
        (lambda: point_divergence(torch.ones(1, 3, 2), torch.ones(2, 3, 2), blur=1), "wanted points"),
        (lambda: point_divergence(torch.ones(1, 3, 2), torch.ones(1, 3, 2), torch.ones(1, 2), blur=1), "have weights"),
        (lambda: point_divergence(torch.full((1, 3, 2), math.inf), torch.ones(1, 3, 2), blur=1), "finite points"),
    ],
)
def test_what_cannot_be_compared_is_told(call, words):
    with pytest.raises(DataError, match=words):
        call()


def test_iterations_that_are_used_up_are_told_with_what_was_reached(density):
    with pytest.raises(ConvergenceError, match="marginal error") as caught:
        measured(density(1, 30, 30), density(2, 30, 30), blur=0.005, tol=1e-9, iterations=3)
    state = caught.value.state
    assert state.residuals[0] > 1e-9
    assert float(state.values[0]) > 0
