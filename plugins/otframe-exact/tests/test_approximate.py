"""`exact.approximate`: near the optimum, with exact marginals, and a bound that holds."""

from __future__ import annotations

import pytest
import torch
from otframe_exact.approximate import ApproximateTransport
from otframe_exact.network import NetworkTransport

from otframe.errors import CancelledError
from otframe.interfaces import Context
from otframe.values import Density, PointCloud


def cloud(seed, n, d=3, *, weighted=False, spread=1.0):
    random = torch.Generator().manual_seed(seed)
    points = torch.randn(n, d, generator=random, dtype=torch.float64) * spread + seed
    weights = torch.rand(n, generator=random, dtype=torch.float64) ** 2 if weighted else None
    return PointCloud(points, None if weights is None else weights / weights.sum())


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "m"), [(600, 600), (500, 800), (40, 700)])
def test_near_the_optimum_and_the_bound_below_it(kit, n, m, weighted):
    source, target = cloud(0, n, weighted=weighted), cloud(1, m, weighted=weighted, spread=2.0)
    optimal = NetworkTransport().solve(source, target).cost
    for sample in (100, 1000):
        plan = ApproximateTransport(sample=sample).solve(source, target, ctx=Context(seed=3))
        kit.proven(plan, source, target, kit.costs(source, target), exact=False)
        assert optimal * (1 - 1e-9) <= plan.cost <= 1.03 * optimal
        assert 0.8 * optimal <= plan.dual <= optimal * (1 + 1e-9)
    assert plan.dual == pytest.approx(optimal, rel=1e-9)  # the sample holds all points


def test_without_a_bound_there_is_none():
    plan = ApproximateTransport(sample=0).solve(cloud(0, 50), cloud(1, 50))
    assert plan.gap is None
    assert plan.f is None


def test_degenerate_measures(kit):
    one, lattice = PointCloud(torch.zeros(9, 2).double()), PointCloud(torch.arange(18.0).reshape(9, 2).double() % 2)
    for source, target in ((one, lattice), (lattice, one), (one, one), (PointCloud(one.points[:1]), lattice)):
        plan = ApproximateTransport().solve(source, target)
        kit.proven(plan, source, target, kit.costs(source, target), exact=False)
        assert plan.cost == pytest.approx(NetworkTransport().solve(source, target).cost)
    far = PointCloud(lattice.points, torch.tensor([1e-12, 1e12, 1.0, 0, 0, 1e-9, 1e6, 1, 1]).double())
    plan = ApproximateTransport().solve(far, PointCloud(lattice.points[:5] + 1e9))
    assert plan.info.converged
    assert plan.gap <= 1e-9 * plan.cost


def test_a_density_and_its_translate(kit):
    mass = torch.rand(12, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    source, target = Density(mass), Density(mass.flip(0))
    plan = ApproximateTransport().solve(source, target)
    exact = NetworkTransport().solve(source, target)
    kit.proven(plan, source.cloud(), target.cloud(), kit.costs(source.cloud(), target.cloud()), exact=False)
    assert plan.dual == pytest.approx(exact.cost, rel=1e-9)
    assert exact.cost <= plan.cost <= 2 * exact.cost


def test_the_same_seed_gives_the_same_plan_and_another_another():
    source, target = cloud(0, 300), cloud(1, 300)
    first, again, other = (ApproximateTransport(plans=4).solve(source, target, ctx=Context(seed=s)) for s in (1, 1, 2))
    assert torch.equal(first.cols, again.cols)
    assert first.dual == again.dual
    assert not torch.equal(first.cols, other.cols)


def test_progress_and_cancelling():
    told = []
    ctx = Context(on_progress=lambda fraction, note: told.append(fraction))
    ApproximateTransport(plans=8).solve(cloud(0, 50), cloud(1, 60), ctx=ctx)
    assert told == sorted(told)
    assert len(told) > 8
    with pytest.raises(CancelledError):
        ApproximateTransport(plans=8).solve(cloud(0, 50), cloud(1, 50), ctx=Context(is_cancelled=lambda: True))
