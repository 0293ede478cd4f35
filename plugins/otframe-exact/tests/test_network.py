"""`exact.network`: against SciPy's linear programme and POT, on random and degenerate problems."""

from __future__ import annotations

import numpy as np
import ot
import pytest
import torch
from otframe_exact import simplex
from otframe_exact.network import NetworkTransport
from pydantic import ValidationError

from otframe.errors import SolveError
from otframe.values import PointCloud

LAZY = pytest.mark.parametrize("dense_limit", [10**6, 0], ids=["dense", "lazy"])


def cloud(seed, n, d, *, kind="random", weighted=True):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, d))
    if kind == "lattice":  # many plans cost the same
        points = rng.integers(0, 3, (n, d)).astype(float)
    elif kind == "line":
        points = np.outer(points[:, 0], np.arange(1, d + 1))
    elif kind == "one":
        points[:] = points[0]
    elif kind == "twice":
        points[n // 2 :] = points[: n - n // 2]
    weights = rng.random(n) * (rng.random(n) < 0.8) if weighted else np.ones(n)
    if weighted:
        weights[0] += 0.1
    return PointCloud(torch.from_numpy(points), torch.from_numpy(weights / weights.sum()))


@LAZY
@pytest.mark.parametrize("kind", ["random", "lattice", "line", "one", "twice"])
@pytest.mark.parametrize("p", [1.0, 2.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_linear_programme_agrees(kit, dense_limit, kind, p, seed):
    d = 1 + seed
    source, target = cloud(seed, 5 + 4 * seed, d, kind=kind), cloud(seed + 50, 17 - 3 * seed, d, kind=kind)
    plan = NetworkTransport(p=p, dense_limit=dense_limit).solve(source, target)
    c = kit.costs(source, target, p)
    kit.proven(plan, source, target, c)
    assert plan.cost == pytest.approx(kit.optimum(source, target, c), rel=1e-7, abs=1e-12)  # HiGHS' own tolerance
    assert len(plan.mass) < source.count + target.count


@pytest.mark.parametrize("p", [1.5, 3.0, 8.0])
def test_other_powers(kit, p):
    source, target = cloud(0, 12, 2), cloud(1, 9, 2)
    plan = NetworkTransport(p=p).solve(source, target)
    kit.proven(plan, source, target, kit.costs(source, target, p))
    assert plan.cost == pytest.approx(kit.optimum(source, target, kit.costs(source, target, p)), rel=1e-7)


@LAZY
@pytest.mark.parametrize("seed", range(3))
def test_the_peer_agrees(kit, dense_limit, seed):
    source, target = cloud(seed, 150, 3), cloud(seed + 50, 200, 3)
    plan = NetworkTransport(dense_limit=dense_limit).solve(source, target)
    c = kit.costs(source, target)
    a, b = kit.masses(source), kit.masses(target)
    matrix = ot.emd(a, b, c)
    assert plan.cost == pytest.approx((matrix * c).sum(), rel=1e-9)
    assert plan.gap <= 1e-9 * plan.cost
    np.testing.assert_allclose(plan.matrix().to_dense().numpy(), matrix, atol=1e-12)
    kit.proven(plan, source, target, c)


@LAZY
def test_the_dual_pair_covers_points_without_mass(kit, dense_limit):
    source, target = cloud(3, 40, 2), cloud(4, 30, 2)
    source = PointCloud(source.points, torch.where(torch.arange(40) % 3 == 0, 0.0, source.weights))
    target = PointCloud(target.points, torch.where(torch.arange(30) % 2 == 0, 0.0, target.weights))
    plan = NetworkTransport(dense_limit=dense_limit).solve(source, target)
    kit.proven(plan, source, target, kit.costs(source, target))
    moved = plan(source.points)
    still = (moved == source.points).all(1)
    assert torch.equal(still, source.weights == 0)  # no mass, no place to go


def test_one_point_each_and_one_to_many(kit):
    one, other, many = cloud(0, 1, 3), cloud(1, 1, 3), cloud(2, 7, 3)
    for source, target in ((one, other), (one, many), (many, one), (one, one)):
        plan = NetworkTransport().solve(source, target)
        kit.proven(plan, source, target, kit.costs(source, target))
        assert plan.cost == pytest.approx((plan.mass.numpy() * kit.costs(source, target)[plan.rows, plan.cols]).sum())


@pytest.mark.parametrize("unit", [1e-150, 1e-9, 1e9, 1e150])
def test_units_and_places_do_not_matter(kit, unit):
    source, target = cloud(0, 30, 2), cloud(1, 20, 2)
    plain = NetworkTransport().solve(source, target)
    for offset in (0.0, 1000.0):
        clouds = [PointCloud(cloud.points * unit + offset * unit, cloud.weights) for cloud in (source, target)]
        plan = NetworkTransport().solve(*clouds)
        assert plan.cost == pytest.approx(plain.cost * unit**2, rel=1e-9)
        assert torch.equal(plan.rows, plain.rows)
        assert torch.equal(plan.cols, plain.cols)


def test_thousands_of_points_without_the_matrix(kit):
    """Above `dense_limit`, on uniform and unequal numbers: against the dense form."""
    source = PointCloud(torch.randn(1200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    target = PointCloud(torch.randn(900, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2)
    lazy = NetworkTransport(dense_limit=10**6).solve(source, target)
    dense = NetworkTransport(dense_limit=10**7).solve(source, target)
    assert lazy.cost == pytest.approx(dense.cost, rel=1e-12)
    kit.proven(lazy, source, target, kit.costs(source, target))


def test_what_is_not_reached_is_an_error():
    source, target = cloud(0, 60, 2), cloud(1, 60, 2)
    for dense_limit in (0, 10**6):
        with pytest.raises(SolveError, match="no optimal plan within 3 pivots") as caught:
            NetworkTransport(max_iter=3, dense_limit=dense_limit).solve(source, target)
        assert "max_iter" in caught.value.hint
    with pytest.raises(SolveError, match="over dense_limit = 100") as caught:
        NetworkTransport(p=3, dense_limit=100).solve(source, target)
    assert "raise dense_limit" in caught.value.hint
    for p in (0.5, 17.0, float("nan")):
        with pytest.raises(ValidationError):
            NetworkTransport(p=p)


def test_a_certificate_that_fails_is_an_error(monkeypatch):
    """A plan that is not optimal has a gap, whatever the engine says."""
    source, target = cloud(0, 20, 2, weighted=False), cloud(1, 20, 2, weighted=False)

    def wrong(costs, a, b, max_iter):
        entries, u = np.arange(20), np.zeros(20)
        return entries, entries, a, {"result_code": 1, "u": u}

    monkeypatch.setattr(simplex, "_dense", wrong)
    with pytest.raises(SolveError, match="a relative gap of"):
        NetworkTransport().solve(source, target)
    monkeypatch.setattr(
        simplex, "_dense", lambda costs, a, b, max_iter: (*wrong(costs, a / 2, b, 0)[:3], {"result_code": 1, "u": a})
    )
    with pytest.raises(SolveError, match="marginals must be the measures"):
        NetworkTransport().solve(source, target)
