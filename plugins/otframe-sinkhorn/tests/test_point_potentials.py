"""`PointPotentials`: what it says of the plan, and the map that it is."""

import pytest
import torch
from otframe_sinkhorn.clouds.costs import costs
from otframe_sinkhorn.points import SinkhornPoints

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.registry import Registry
from otframe.values import PointCloud, codec


def solved(n=60, m=50, d=2, dtype=torch.float64, **params):
    random = torch.Generator().manual_seed(n + d)
    source = PointCloud(torch.randn(n, d, generator=random, dtype=torch.float64).to(dtype))
    weights = torch.rand(m, generator=random, dtype=torch.float64)
    target = PointCloud((0.5 * torch.randn(m, d, generator=random, dtype=torch.float64) + 2).to(dtype), weights)
    return SinkhornPoints(**{"blur": 0.1, "tol": 1e-9, **params}).solve(source, target, ctx=Context())


def formed(found):
    apart = costs(found.source.points.double(), found.target.points.double(), found.kind)
    exponents = (found.f[:, None] + found.g - apart) / found.eps
    return torch.exp(exponents) * found.source.weights[:, None] * found.target.weights


@pytest.mark.parametrize("kind", ["squared", "absolute", "distance"])
@pytest.mark.parametrize("reach", [None, 0.5])
def test_all_it_says_is_true_of_the_formed_plan(kind, reach):
    found = solved(cost=kind, reach=reach)
    plan = formed(found)
    left, right = found.marginals()
    assert torch.allclose(left, plan.sum(1), rtol=1e-10, atol=0)
    assert torch.allclose(right, plan.sum(0), rtol=1e-10, atol=0)
    random = torch.Generator().manual_seed(1)
    values = torch.randn(2, 3, 50, generator=random, dtype=torch.float64)
    assert torch.allclose(found.apply(values), values @ plan.T, rtol=0, atol=1e-13)
    values = torch.randn(2, 3, 60, generator=random, dtype=torch.float64)
    assert torch.allclose(found.apply_transposed(values), values @ plan, rtol=0, atol=1e-13)
    mean = plan @ found.target.points / plan.sum(1, keepdim=True)
    assert torch.allclose(found.barycentric(), mean, rtol=0, atol=1e-11)
    assert torch.allclose(found.as_map().images, mean, rtol=0, atol=1e-11)
    assert torch.allclose(found(found.source.points), mean, rtol=0, atol=1e-11)
    with pytest.raises(DataError, match="function of 50 points"):
        found.apply(values)


@pytest.mark.parametrize("kind", ["squared", "absolute", "distance"])
def test_any_point_moves_to_the_mean_of_where_it_would_go(kind, monkeypatch):
    found = solved(cost=kind)
    asked = 2 * torch.randn(300, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    exponents = (found.g - costs(asked, found.target.points, kind)) / found.eps + found.target.weights.log()
    wanted = torch.softmax(exponents, 1) @ found.target.points
    assert torch.allclose(found(asked), wanted, rtol=0, atol=1e-11)
    assert torch.allclose(found.displace(asked, 0.25), asked + 0.25 * (wanted - asked), rtol=0, atol=1e-11)
    assert torch.equal(found.displace(asked, 0.0), asked)
    monkeypatch.setattr("otframe_sinkhorn.clouds.map._MANY", 100)  # as many points are moved
    assert torch.allclose(found(asked), wanted, rtol=0, atol=1e-11)
    assert found(asked[:0]).shape == (0, 2)
    with pytest.raises(DataError, match=r"shape \(n, 2\)"):
        found(torch.zeros(3, 3))


def test_gradients_pass_through_the_map():
    found = solved(30, 20, 3, blur=0.3)
    asked = torch.randn(5, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(found, (asked,))
    # it is the gradient of a convex function: its derivative is symmetric and has no negative eigenvalue
    for place in asked.detach():
        slope = torch.autograd.functional.jacobian(lambda x: found(x[None])[0], place)
        assert torch.allclose(slope, slope.T, atol=1e-9)
        assert float(torch.linalg.eigvalsh(slope).min()) > -1e-9


def test_it_is_nearer_to_the_map_than_the_nearest_point_is():
    line = torch.linspace(0, 1, 15, dtype=torch.float64)
    points = torch.cartesian_prod(line, line)
    slope = torch.tensor([[1.5, 0.4], [0.4, 0.8]]).double()
    found = SinkhornPoints(blur=0.03).solve(PointCloud(points), PointCloud(points @ slope), ctx=Context())
    asked = 0.2 + 0.6 * torch.rand(500, 2, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    errors = [float((move(asked) - asked @ slope).norm(dim=1).mean()) for move in (found, found.as_map())]
    assert errors[0] < 0.5 * errors[1]


def test_it_gives_the_precision_that_it_is_given():
    found = solved(dtype=torch.float32)
    assert found.f.dtype == torch.float64
    assert found(found.source.points).dtype == torch.float32
    assert found.as_map().images.dtype == torch.float32
    assert found.barycentric().dtype == torch.float64
    double = solved()
    assert found.cost == pytest.approx(double.cost, rel=1e-5)


def test_custom_costs_move_other_points_as_the_nearest():
    found = solved(costs=lambda x, y: torch.cdist(x, y), blur=0.5)
    asked = found.source.points + 1e-9
    assert torch.allclose(found(asked), found.barycentric(), atol=1e-7)


@pytest.mark.parametrize("params", [{}, {"reach": 0.5}, {"costs": lambda x, y: torch.cdist(x, y)}])
def test_it_is_stored_as_every_value_is(params):
    found = solved(**params)
    registry = Registry.installed()
    again = codec.from_bytes(codec.to_bytes(found, registry), registry)
    asked = torch.randn(7, 2, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    assert torch.equal(again(asked), found(asked))
    assert torch.equal(again.apply(found.g), found.apply(found.g))
    assert again.info == found.info


def test_clouds_move_by_it():
    found = solved()
    moved = found.source.transported(found)
    assert torch.allclose(moved.points, found.barycentric(), atol=1e-12)
    # means of the target, weighted as the mass arrives: the centre is kept
    centre = (found.target.weights[:, None] * found.target.points).sum(0)
    assert torch.allclose((moved.weights[:, None] * moved.points).sum(0), centre, atol=1e-8)


@pytest.mark.parametrize(("cost", "reach"), [("squared", None), ("distance", None), ("squared", 0.5)])
def test_the_gradient_is_that_of_the_value(cost, reach):
    random = torch.Generator().manual_seed(4)
    clouds = [
        PointCloud(torch.rand(n, 2, generator=random).double(), torch.rand(n, generator=random).double())
        for n in (7, 6)
    ]
    params = {"blur": 0.3, "unit": "length", "cost": cost, "reach": reach, "tol": 1e-12, "iterations": 10**5}
    solver = SinkhornPoints(**params)
    slopes = solver.solve(*clouds, ctx=Context()).gradient()
    for k, slope in enumerate(slopes):
        weights = clouds[k].weights
        change = torch.randn(len(weights), generator=random, dtype=torch.float64) * weights
        # changes that keep the sum, which is not compared where transport is balanced
        change -= weights * change.sum() / weights.sum()
        values = []
        for side in (-1, 1):
            pair = list(clouds)
            pair[k] = PointCloud(pair[k].points, weights + side * 1e-5 * change)
            values.append(solver.solve(*pair, ctx=Context()).dual)
        unit = 1.0 if reach is not None else float(weights.sum())
        assert (values[1] - values[0]) / 2e-5 == pytest.approx(float((slope * change).sum()) / unit, rel=1e-6)
