"""`sinkhorn.barycenter` of clouds: closed forms, optimality by another solver's maps, hostile clouds."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_sinkhorn.barycenter import SinkhornBarycenter
from otframe_sinkhorn.barycenters.value import CloudBarycenter
from otframe_sinkhorn.points import SinkhornPoints

from otframe.errors import CancelledError, ConvergenceError, DataError
from otframe.interfaces import Context
from otframe.registry import Registry
from otframe.values import PointCloud, codec


def run(*clouds, **params):
    return SinkhornBarycenter(**{"tol": 1e-4, "blur": 0.05, **params}).solve(list(clouds), ctx=Context())


def cloud(seed, n, dim=2, weighted=False):
    random = torch.Generator().manual_seed(seed)
    points = torch.randn(n, dim, generator=random, dtype=torch.float64) * (1 + seed % 3) + seed
    weights = torch.rand(n, generator=random, dtype=torch.float64) if weighted else None
    return PointCloud(points, weights)


@pytest.mark.parametrize("debiased", [False, True])
def test_at_the_end_the_plans_of_another_solver_leave_the_points_where_they_are(debiased):
    given = [cloud(k, 20 + 3 * k, weighted=k == 1) for k in range(3)]
    weights = (0.5, 0.3, 0.2)
    found = run(*given, weights=weights, debiased=debiased, blur=0.8, unit="length", tol=1e-5)
    solver = SinkhornPoints(blur=0.8, unit="length", tol=1e-9)
    goals = [solver.solve(found, other, ctx=Context()).barycentric() for other in given]
    goal = sum(weight * part for weight, part in zip(weights, goals, strict=True))
    origin = solver.solve(found, PointCloud(found.points, found.weights), ctx=Context()).barycentric()
    assert torch.allclose(goal, origin if debiased else found.points, atol=1e-3)
    assert isinstance(found, CloudBarycenter)
    assert found.info.converged
    assert found.info.residual < 1e-5


@pytest.mark.parametrize("debiased", [False, True])
def test_gaussians_of_one_variance(debiased):
    """The plain one is narrower: its variance S is the cross-covariance `(sqrt(eps^2 / 4 + 4 S v) - eps / 2) / 2`."""
    places = torch.special.ndtri((torch.arange(150, dtype=torch.float64) + 0.5) / 150)[:, None]
    variance = float(places.var(correction=0))
    found = run(PointCloud(places), PointCloud(places + 3), blur=0.4, unit="length", debiased=debiased)
    assert float(found.points.mean()) == pytest.approx(1.5, abs=1e-3)
    wanted = variance - (0 if debiased else 0.4**2)
    assert float(found.points.var(correction=0)) == pytest.approx(wanted, rel=0.01)


def test_debiased_barycentres_of_copies_are_the_cloud():
    one = cloud(1, 40, 3, weighted=True)
    found = run(one, one, PointCloud(one.points, one.weights * 1e12))
    assert torch.allclose(found.points, one.points, atol=1e-9)
    assert torch.allclose(found.weights, one.weights / one.weights.sum())
    alone = run(one, cloud(2, 20, 3), weights=(1.0, 0.0))
    assert torch.allclose(alone.points, one.points, atol=1e-9)


def test_debiased_barycentres_of_moved_copies_are_moved_copies():
    one, by = cloud(4, 40, 5), torch.tensor([3.0, -1, 0, 2, 1], dtype=torch.float64)
    found = run(one, PointCloud(one.points + by), weights=(3.0, 1.0), blur=0.1, tol=1e-5)
    assert torch.allclose(found.points, one.points + by / 4, atol=1e-3)


def test_single_points_meet_at_their_mean():
    found = run(*[PointCloud(torch.tensor([[x, 2 * x]])) for x in (0.0, 3.0, 6.0)], weights=(1.0, 1.0, 2.0))
    assert torch.allclose(found.points, torch.tensor([[3.75, 7.5]], dtype=torch.float64), atol=1e-12)


@pytest.mark.parametrize("debiased", [False, True])
def test_a_far_origin_and_the_scale_do_not_matter(debiased):
    given = [cloud(k, 25) for k in range(2)]
    here = run(*given, debiased=debiased, tol=1e-3)
    there = run(*[PointCloud(part.points * 2**20 + 2**30) for part in given], debiased=debiased, tol=1e-3)
    assert torch.allclose((there.points - 2**30) / 2**20, here.points, atol=1e-6)


def test_points_can_be_counted():
    given = [cloud(k, 30, weighted=True) for k in range(2)]
    found = run(*given, count=12, tol=1e-2)
    assert found.points.shape == (12, 2)
    assert run(PointCloud(given[0].points, torch.arange(30.0)), given[1], tol=1e-2).count == 29  # the first has no mass
    assert torch.allclose(found.weights, torch.full((12,), 1 / 12, dtype=torch.float64))
    assert torch.equal(found.points, run(*given, count=12, tol=1e-2).points)
    other = SinkhornBarycenter(blur=0.05, count=12, tol=1e-2).solve(given, ctx=Context(seed=1))
    assert not torch.equal(found.points, other.points)


def test_what_does_not_fit_is_refused():
    def refused(*clouds, match, **params):
        with pytest.raises(DataError, match=match) as caught:
            run(*clouds, **params)
        assert caught.value.hint

    one = cloud(1, 5)
    refused(one, cloud(1, 5, 3), match="of one dimension, got 2 and 3")
    refused(one, PointCloud(one.points * math.nan), match="NaN or infinity")
    refused(one, PointCloud(one.points, -torch.ones(5)), match="not negative and not all zero")
    refused(one, PointCloud(one.points, torch.zeros(5)), match="not negative and not all zero")
    refused(one, PointCloud(one.points * 1e200), match="squared distances leave float64")
    refused(one, one, match="no cells", unit="cell")
    refused(one, one, match="squared cost", cost="absolute")


def test_too_few_moves_are_told_of_with_what_was_reached():
    with pytest.raises(ConvergenceError, match="was reached in 2 iterations") as caught:
        run(cloud(1, 20), cloud(2, 20), iterations=2, tol=1e-9)
    state = caught.value.state
    assert not state.info.converged
    assert state.info.residual > 1e-9
    assert bool(torch.isfinite(state.points).all())


def test_it_can_be_cancelled_and_stored():
    with pytest.raises(CancelledError):
        SinkhornBarycenter().solve([cloud(1, 20), cloud(2, 20)], ctx=Context(is_cancelled=lambda: True))
    found = run(cloud(1, 6), cloud(2, 6))
    again = codec.from_bytes(codec.to_bytes(found, Registry.installed()), Registry.installed())
    assert torch.equal(again.points, found.points)
    assert again.info == found.info


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_hostile_clouds_converge_or_say_so(seed):
    dice = np.random.default_rng(seed)
    dim = int(dice.integers(1, 5))

    def hostile():
        n = int(dice.integers(1, 13))
        points = dice.normal(size=(n, dim)) * 10.0 ** dice.uniform(-3, 3)
        kind = dice.integers(5)
        if kind == 0:
            points[:] = points[0]
        elif kind == 1:
            points[: n // 2 + 1] = points[0]
        elif kind == 2:
            points += 1e6
        weights = 10.0 ** dice.uniform(-12, 12, n) * (dice.random(n) < 0.8)
        weights[0] += weights.sum() == 0
        return PointCloud(torch.from_numpy(points), torch.from_numpy(weights) if dice.random() < 0.5 else None)

    solver = SinkhornBarycenter(
        blur=float(10 ** dice.uniform(-2, 1)),
        unit=("side", "length")[dice.integers(2)],
        debiased=bool(dice.integers(2)),
        count=None if dice.random() < 0.7 else int(dice.integers(1, 9)),
        iterations=8,
        tol=0.01,
    )
    given = [hostile() for _ in range(dice.integers(1, 4))]
    try:
        found = solver.solve(given, ctx=Context())
        assert found.info.converged
    except ConvergenceError as error:
        found = error.state
        assert not found.info.converged
    assert bool(torch.isfinite(found.points).all())
    assert math.isfinite(found.info.residual)
    assert float(found.weights.sum()) == pytest.approx(1, abs=1e-12)
    # it lies among the clouds
    low = torch.stack([part.points.amin(0) for part in given]).amin(0)
    high = torch.stack([part.points.amax(0) for part in given]).amax(0)
    reach = 0.5 * (high - low).amax() + 1e-9 * high.abs().amax()
    assert bool(((found.points >= low - reach) & (found.points <= high + reach)).all())
