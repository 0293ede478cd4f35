"""The promises of solvers between points: each is broken by one solver, and kept by one that is right."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from otframe.registry import Registry
from otframe.testing import OpenRegistry, Violation, cases, truths
from otframe.testing.subject import Untested
from otframe.values import GaussianLaw, PointCloud

BROKEN = {
    "ByIndex": ("permutation", "permutation: the moved points differs"),
    "OneWay": ("symmetry", r"symmetry: the cost is [\d.]+, must be [\d.]+"),
    "FixedUnit": ("scaling", r"scaling: the cost is [\d.]+, must be [\d.]+"),
    "NoWeights": ("quantiles", r"quantiles: the cost is [\d.]+, must be [\d.]+"),
    "Distance": ("dirac", r"dirac: the cost is [\d.]+, must be [\d.]+"),
    "NotTheGradient": ("gradient", "gradient: the moved points differs"),
}


@pytest.fixture(scope="module")
def plans():
    name = "otframe_wrong_plans"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("wrong_plans.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def failing(cls):
    registry = OpenRegistry()
    registry.add("wrong.plan", cls)
    found = {}
    for case in cases("test", registry):
        if case.component == "wrong.plan":
            try:
                case.run()
            except Untested:
                pass
            except Violation as error:
                found[case.check] = str(error)
    return found


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_promise_is_told_and_nothing_else(name, plans):
    promise, message = BROKEN[name]
    found = failing(getattr(plans, name))
    assert list(found) == [f"promise {promise}"], found
    assert re.search(message, found[f"promise {promise}"])


@pytest.mark.parametrize("name", ["InOrder", "Assigned"])
def test_kept_promises_pass(name, plans):
    assert failing(getattr(plans, name)) == {}


@pytest.mark.parametrize("promise", ["symmetry", "scaling"])
def test_laws_are_asked_too(promise):
    gaussian = Registry.installed().load("gaussian.transport")
    cls = type("Promising", (gaussian,), {"promises": (promise,), "__doc__": gaussian.__doc__})
    assert failing(cls) == {}


@pytest.mark.parametrize("promise", ["permutation", "dirac", "gradient", "quantiles"])
def test_promises_of_points_say_nothing_of_laws(promise):
    gaussian = Registry.installed().load("gaussian.transport")
    cls = type("Promising", (gaussian,), {"promises": (promise,), "__doc__": gaussian.__doc__})
    assert "says nothing about what its ports take" in failing(cls)[f"promise {promise}"]


def weighted(seed, n, d=1):
    random = torch.Generator().manual_seed(seed)
    weights = torch.rand(n, generator=random, dtype=torch.float64)
    return PointCloud(torch.randn(n, d, generator=random, dtype=torch.float64), weights / weights.sum())


@pytest.mark.parametrize("seed", range(5))
def test_the_quantile_cost_is_that_of_scipy(seed):
    source, target = weighted(seed, 3 + 5 * seed), weighted(seed + 9, 20 - 4 * seed)
    wanted = wasserstein_distance(source.points[:, 0], target.points[:, 0], source.weights, target.weights)
    assert truths.quantile_cost(source, target, 1.0) == pytest.approx(wanted)
    x, y = PointCloud(source.points), PointCloud(source.points + 2)
    assert truths.quantile_cost(x, y, 3.0) == pytest.approx(8.0)
    assert truths.quantile_cost(x, PointCloud(y.points.flip(0))) == pytest.approx(
        truths.sorted_cost(x.points[:, 0], y.points[:, 0])
    )


def test_the_convex_gradient_is_monotone_and_one():
    points = torch.randn(30, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian
    jacobians = torch.stack([jacobian(lambda x: truths.convex_gradient(x[None])[0], point) for point in points])
    assert torch.allclose(jacobians, jacobians.mT)  # a gradient
    assert float(torch.linalg.eigvalsh(jacobians).min()) >= 0.5 - 1e-9  # of a convex function
    order, cost = truths.assignment(PointCloud(points), PointCloud(truths.convex_gradient(points)))
    assert np.array_equal(order, np.arange(30))
    assert cost > 0.1


def test_dirac_cost_and_other_measures():
    cloud, at = weighted(0, 6, 2), torch.tensor([1.0, -1.0])
    wanted = sum(float(w) * float((x - at).norm()) ** 3 for x, w in zip(cloud.points, cloud.weights, strict=True))
    assert truths.dirac_cost(cloud, at, 3.0) == pytest.approx(wanted)
    again = truths.permuted(cloud)
    assert not torch.equal(again.points, cloud.points)
    assert torch.allclose(again.moments().mean, cloud.moments().mean)
    larger = truths.scaled(GaussianLaw(torch.ones(2), torch.eye(2)), 3.0)
    assert torch.equal(larger.cov, 9 * torch.eye(2))
    assert torch.equal(truths.scaled(cloud, 3.0).points, 3 * cloud.points)
