"""`sinkhorn.grid` against the formed plan, duality, POT, closed forms, and hostile masses."""

import math

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_sinkhorn.grid import SinkhornGrid
from otframe_sinkhorn.grids.solve import Problem, solve
from otframe_sinkhorn.iteration import Iteration

from otframe.errors import CancelledError, ConvergenceError, DataError
from otframe.interfaces import Context
from otframe.registry import Registry
from otframe.testing.hostile import hostile_mass
from otframe.testing.truths import gaussian_map
from otframe.values import Density, GaussianLaw, codec


def run(source, target, **params):
    return SinkhornGrid(**{"tol": 1e-9, **params}).solve(source, target, ctx=Context())


CASES = [
    ((12, 9), "squared", 0.1, None),
    ((12, 9), "absolute", 0.05, None),
    ((7, 5, 6), "squared", 0.2, None),
    ((7, 5, 6), "absolute", 0.2, None),
    ((30,), "squared", 0.05, None),
    ((1, 20), "squared", 0.05, None),
    ((40, 40), "squared", 0.02, None),
    ((12, 9), "squared", 0.1, 0.3),
    ((12, 9), "absolute", 0.05, 0.2),
    ((12, 9), "squared", 0.1, 30.0),
]


@pytest.mark.parametrize(("shape", "kind", "blur", "reach"), CASES)
def test_all_it_says_is_true_of_the_formed_plan(density, costs, dense, shape, kind, blur, reach):
    found = run(density(1, *shape), density(2, *shape), cost=kind, blur=blur, reach=reach)
    plan, cost = dense(found), costs(found.source, kind)
    a, b = found.source.mass.flatten(), found.target.mass.flatten()
    assert found.info.converged
    assert found.cost == pytest.approx(float((plan * cost).sum()), rel=1e-10)
    left, right = found.marginals()
    assert torch.allclose(left.flatten(), plan.sum(1), atol=1e-14)
    assert torch.allclose(right.flatten(), plan.sum(0), atol=1e-14)
    values = torch.randn(3, 2, *shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert torch.allclose(found.apply(values).reshape(3, 2, -1), values.reshape(3, 2, -1) @ plan.T, atol=1e-13)
    assert torch.allclose(found.apply_transposed(values).reshape(3, 2, -1), values.reshape(3, 2, -1) @ plan, atol=1e-13)
    held = a > 0
    mean = (plan @ found.source.positions().reshape(len(a), -1))[held] / plan.sum(1)[held, None]
    assert torch.allclose(found.barycentric().reshape(len(a), -1)[held], mean, atol=1e-12)
    assert torch.allclose(found.as_map().images, mean, atol=1e-12)
    # the primal value of the plan is the dual value of the potentials: both are optimal
    reference = a[:, None] * b
    value = float((plan * cost).sum()) + found.eps * divergence(plan, reference)
    if reach is None:
        assert torch.allclose(left.flatten(), a, atol=1e-14)
        assert float((right.flatten() - b).abs().sum()) < 1e-9
    else:
        rho = 2 * reach**2 if kind == "squared" else reach
        value += rho * (divergence(plan.sum(1), a) + divergence(plan.sum(0), b))
    assert found.dual == pytest.approx(value, rel=1e-7)


def divergence(p, q):
    """KL of positive masses, whatever their sums."""
    held = p > 0
    return float((p[held] * (p[held] / q[held]).log()).sum() - p.sum() + q.sum())


@pytest.mark.parametrize("kind", ["squared", "absolute"])
def test_plans_are_those_of_pot(density, costs, dense, kind):
    found = run(density(3, 11, 13), density(4, 11, 13), cost=kind, blur=0.1)
    masses = [part.mass.flatten().numpy() for part in (found.source, found.target)]
    wanted = ot.sinkhorn(
        *masses, costs(found.source, kind).numpy(), found.eps, method="sinkhorn_log", numItermax=10**5, stopThr=1e-12
    )
    assert np.abs(dense(found).numpy() - wanted).max() < 1e-10


def test_small_blurs_come_to_the_exact_cost(density, costs):
    source, target = density(5, 9, 8), density(6, 9, 8)
    cost = costs(source, "squared").numpy()
    exact = ot.emd2(*[(d.mass / d.mass.sum()).flatten().numpy() for d in (source, target)], cost)
    gaps = [run(source, target, blur=blur, tol=1e-6, iterations=10**6).cost - exact for blur in (0.2, 0.1, 0.05, 0.03)]
    assert all(gap > -1e-9 for gap in gaps)
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 0.02 * exact


def test_a_shift_of_a_density_costs_its_length_squared():
    mass = torch.zeros(64, 64, dtype=torch.float64)
    mass[10:20, 12:30] = torch.rand(10, 18, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    moved = torch.roll(mass, (16, 24), (0, 1))
    found = run(Density(mass), Density(moved), blur=0.02, tol=1e-8)
    # the blur spreads both alike: the mean displacement is exact, and the cost but for the spread
    arrow = (found.as_map().images - found.as_map().points).double()
    weights = found.source.mass[found.source.mass > 0]
    assert torch.allclose((weights[:, None] * arrow).sum(0), torch.tensor([16, 24]).double() / 64, atol=1e-9)
    assert found.cost == pytest.approx((16**2 + 24**2) / 64**2, rel=0.02)


def test_gaussians_move_by_the_regularised_closed_form():
    """Both marginals Gaussian of one shape: the entropic plan is Gaussian with a known cross-covariance."""
    n, sigma, blur = 128, 0.08, 0.05
    places = torch.arange(n, dtype=torch.float64) / n
    a, b = (torch.exp(-((places - centre) ** 2) / (2 * sigma**2)) for centre in (0.42, 0.58))
    found = run(Density(a), Density(b), blur=blur, tol=1e-11)
    eps = 2 * blur**2
    # maximise over c the log-determinant: c = (sqrt(eps^2/4 + 4 sigma^4) - eps/2) / 2 for the cost (x - y)^2
    cross = (math.sqrt(eps**2 / 4 + 4 * sigma**4) - eps / 2) / 2
    assert found.cost == pytest.approx(0.16**2 + 2 * (sigma**2 - cross), rel=1e-6)
    slope = (found.barycentric()[80, 0] - found.barycentric()[48, 0]) / (32 / n)
    assert float(slope) == pytest.approx(cross / sigma**2, rel=1e-5)  # tails are cut at the edge
    law = GaussianLaw(torch.tensor([0.42]).double(), torch.tensor([[sigma**2]]).double())
    matrix, _ = gaussian_map(law, law)
    assert float(slope) < float(matrix)


def test_a_problem_and_its_mirror_image_have_one_value(density):
    source, target = density(7, 16, 10), density(8, 16, 10)
    there, back = run(source, target, blur=0.05), run(target, source, blur=0.05)
    assert there.cost == pytest.approx(back.cost, rel=1e-7)
    assert there.dual == pytest.approx(back.dual, rel=1e-7)


@settings(deadline=None, max_examples=40)
@given(scale=st.sampled_from([1e-12, 1e-3, 1.0, 1e12]), other=st.sampled_from([1e-12, 1.0, 1e12]))
def test_masses_of_any_sum_are_balanced_first(scale, other):
    mass = torch.rand(6, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    plain = run(Density(mass), Density(mass.flip(0)), blur=0.1)
    scaled = run(Density(mass * scale), Density(mass.flip(0) * other), blur=0.1)
    assert scaled.cost == pytest.approx(plain.cost, rel=1e-8)


def test_a_batch_gives_what_its_problems_give(density):
    pairs = [(density(k, 20, 14), density(k + 50, 20, 14)) for k in range(5)]
    a, b = (torch.stack([pair[side].mass / pair[side].mass.sum() for pair in pairs]) for side in (0, 1))
    spacing = pairs[0][0].spacing
    many = solve(Problem(a, b, spacing, 0.03), 1e-6, 10_000)
    assert max(many.residuals) < 1e-6
    for k in range(5):
        one = solve(Problem(a[k : k + 1], b[k : k + 1], spacing, 0.03), 1e-6, 10_000)
        assert many.iterations[k] == one.iterations[0]
        assert torch.allclose(many.f[k], one.f[0], rtol=0, atol=1e-12)


def test_units_of_length(density):
    source, target = density(9, 10, 20), density(10, 10, 20)
    side = run(source, target, blur=0.1)
    assert torch.equal(run(source, target, blur=2.0, unit="cell").f, side.f)
    wide = [Density(part.mass, (0.5, 0.5)) for part in (source, target)]
    scaled = run(*wide, blur=1.0, unit="length")
    assert scaled.cost == pytest.approx(side.cost * 100, rel=1e-8)


def test_grids_that_differ_are_refused(density):
    with pytest.raises(DataError, match="on one grid"):
        run(density(1, 5, 5), density(1, 5, 6))
    with pytest.raises(DataError, match="on one grid"):
        run(density(1, 5, 5), Density(density(1, 5, 5).mass, (1.0, 1.0)))


def test_too_few_iterations_are_told_of_with_what_was_reached(density):
    with pytest.raises(ConvergenceError, match="was reached in") as caught:
        run(density(1, 20, 20), density(2, 20, 20), blur=0.01, iterations=3)
    state = caught.value.state
    assert not state.info.converged
    assert state.info.residual > 1e-9
    assert torch.isfinite(state.f).all()


def test_it_can_be_cancelled_and_tells_how_far_it_is(density):
    told = []
    ctx = Context(on_progress=lambda fraction, note: told.append(fraction))
    SinkhornGrid(blur=0.005, tol=1e-7).solve(density(1, 30, 30), density(2, 30, 30), ctx=ctx)
    assert told
    assert all(0 <= fraction < 1 for fraction in told)
    with pytest.raises(CancelledError):
        SinkhornGrid(blur=0.005, tol=1e-7).solve(
            density(1, 30, 30), density(2, 30, 30), ctx=Context(is_cancelled=lambda: True)
        )


def test_it_is_stored_as_every_value_is(density):
    found = run(density(1, 8, 8), density(2, 8, 8), blur=0.1)
    again = codec.from_bytes(codec.to_bytes(found, Registry.installed()), Registry.installed())
    assert torch.equal(again.apply(found.f), found.apply(found.f))
    assert again.info == found.info


@pytest.mark.parametrize(("kind", "reach"), [("squared", None), ("absolute", None), ("squared", 0.3)])
def test_the_gradient_is_that_of_the_value(density, kind, reach):
    source, target = density(1, 6, 5), density(2, 6, 5)
    params = {"cost": kind, "blur": 0.2, "reach": reach, "tol": 1e-12, "iterations": 10**5}
    slopes = run(source, target, **params).gradient()
    random = torch.Generator().manual_seed(0)
    for k, slope in enumerate(slopes):
        values = []
        change = torch.randn(6, 5, generator=random, dtype=torch.float64) * (source, target)[k].mass
        # changes that keep the sum, as it is not compared where transport is balanced
        change -= (source, target)[k].mass * change.sum() / (source, target)[k].mass.sum()
        for side in (-1, 1):
            pair = [source, target]
            pair[k] = pair[k].with_mass(pair[k].mass + side * 1e-5 * change)
            values.append(run(*pair, **params).dual)
        unit = 1.0 if reach is not None else float((source, target)[k].mass.sum())
        assert (values[1] - values[0]) / 2e-5 == pytest.approx(float((slope * change).sum()) / unit, rel=1e-6)
        assert bool(torch.isfinite(slope).all())


def hostile(dice, shape):
    return Density(torch.from_numpy(hostile_mass(dice, shape)))


@settings(deadline=None, max_examples=120)
@given(seed=st.integers(0, 10**6))
def test_hostile_problems_converge_or_say_so(seed):
    dice = np.random.default_rng(seed)
    shape = [(40,), (12, 17), (20, 1), (1, 1), (6, 5, 7)][dice.integers(5)]
    source = hostile(dice, shape)
    target = source if dice.random() < 0.1 else hostile(dice, shape)
    params = {
        "blur": float(10 ** dice.uniform(math.log10(0.002), 0)),
        "cost": ("squared", "absolute")[dice.integers(2)],
        "reach": None if dice.random() < 0.7 else float(10 ** dice.uniform(-2, 1)),
    }
    try:
        found = run(source, target, tol=1e-3, iterations=1000, **params)
    except ConvergenceError as error:
        found = error.state
    parts = (found.f, found.g, found.barycentric(), *found.marginals())
    assert all(bool(torch.isfinite(part).all()) for part in parts)
    assert math.isfinite(found.cost)
    assert math.isfinite(found.dual)
    assert math.isfinite(found.info.residual)
    if params["reach"] is None:
        left, right = found.marginals()
        assert float((left - found.source.mass).abs().sum()) < 1e-9
        if found.info.converged:
            assert float((right - found.target.mass).abs().sum()) < 1.001e-3


def test_an_error_of_exactly_zero_is_no_failure():
    """One cell: the plan is right from the start, and stays so for as long as it is asked to go on."""
    told = []
    problem = Problem(torch.ones(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64), (1.0,), 0.1)
    run = Iteration(problem, torch.zeros(1, 1).double(), torch.zeros(1, 1).double())
    run.go(0.0, 30, told.append)
    assert run.residuals == [0.0]
    assert all(0 <= part <= 1 for part in told)
    assert told
