"""What `sinkhorn.points` takes: custom costs, what it refuses, and how it ends."""

import math

import pytest
import torch
from otframe_sinkhorn.clouds.costs import costs
from otframe_sinkhorn.points import SinkhornPoints

from otframe.errors import CancelledError, ConvergenceError, DataError
from otframe.graph import component, describe_component
from otframe.interfaces import Context, Transform
from otframe.testing.registries import OpenRegistry
from otframe.values import PointCloud


def run(source, target, **params):
    return SinkhornPoints(**{"tol": 1e-10, "blur": 0.1, **params}).solve(source, target, ctx=Context())


def cloud(seed, n, d):
    random = torch.Generator().manual_seed(seed)
    weights = torch.rand(n, generator=random, dtype=torch.float64) + 0.05
    return PointCloud(torch.randn(n, d, generator=random, dtype=torch.float64), weights / weights.sum())


def formed(found):
    """The plan of some potentials and the costs, as matrices."""
    apart = costs(found.source.points.double(), found.target.points.double(), found.kind)
    exponents = (found.f[:, None] + found.g - apart) / found.eps
    return torch.exp(exponents) * found.source.weights[:, None] * found.target.weights, apart


class Correlation(Transform):
    """A cost that no other name has: 1 less the cosine."""

    power: float = 1.0

    def __call__(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        unit = [z / z.norm(dim=1, keepdim=True) for z in (x, y)]
        return (1 - unit[0] @ unit[1].T) ** self.power


def test_custom_costs():
    source, target = cloud(18, 40, 3), cloud(19, 30, 3)
    named = run(source, target, blur=0.5, unit="length", cost="distance")
    given = run(source, target, blur=0.5, costs=lambda x, y: (x[:, None] - y).square().sum(2).sqrt())
    assert given.dual == pytest.approx(named.dual, rel=1e-9)
    assert torch.allclose(given.barycentric(), named.barycentric(), atol=1e-8)
    assert given.kind == "custom"
    found = run(source, target, blur=0.1, costs=Correlation())
    apart = Correlation()(source.points, target.points)
    plan = torch.exp((found.f[:, None] + found.g - apart) / 0.1) * source.weights[:, None] * target.weights
    assert torch.allclose(plan.sum(1), source.weights, rtol=1e-9)
    assert float((plan.sum(0) - target.weights).abs().sum()) < 1.01e-10
    assert found.cost == pytest.approx(float((plan * apart).sum()), rel=1e-9)
    with pytest.raises(DataError, match="over held = 100"):
        run(source, target, costs=Correlation(), held=100)
    with pytest.raises(DataError, match="are a tensor"):
        run(source, target, costs=lambda x, y: x)
    with pytest.raises(DataError, match="are finite"):
        run(source, target, costs=lambda x, y: torch.full((40, 30), math.nan))
    registry = OpenRegistry()
    registry.add("toy.correlation", Correlation)
    registry.add("sinkhorn.points", SinkhornPoints)
    named = {"costs": {"use": "toy.correlation", "with": {"power": 2.0}}}
    made = component("sinkhorn.points", registry=registry, blur=0.1, **named)
    again = made.solve(source, target, ctx=Context())
    assert torch.allclose(again.costs, apart**2)
    assert describe_component(made, registry) == {"use": "sinkhorn.points", "with": {"blur": 0.1, **named}}
    # a function has no name: two of them are never taken for one another
    first, second = (str(SinkhornPoints(costs=lambda x, y: x @ y.T).costs) for _ in range(2))
    assert first != second


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (PointCloud(torch.zeros(3, 3)), "dimension 2, the target 3"),
        (PointCloud(torch.tensor([[0.0, math.nan]])), "points are finite"),
        (PointCloud(torch.tensor([[0.0, math.inf]])), "points are finite"),
        (PointCloud(torch.zeros(2, 2), torch.zeros(2)), "all zero"),
        (PointCloud(torch.zeros(2, 2), torch.tensor([1.0, -1.0])), "not negative"),
        (PointCloud(torch.zeros(2, 2), torch.tensor([1.0, math.nan])), "not negative"),
        (PointCloud(torch.tensor([[0.0, 1e300]], dtype=torch.float64)), "leave float64"),
    ],
)
def test_what_cannot_be_transported_is_refused(wrong, told):
    with pytest.raises(DataError, match=told):
        run(cloud(1, 5, 2), wrong)


def test_too_few_iterations_are_told_of_with_what_was_reached():
    with pytest.raises(ConvergenceError, match="was reached in") as caught:
        run(cloud(1, 60, 2), cloud(2, 60, 2), blur=0.01, iterations=3)
    state = caught.value.state
    assert not state.info.converged
    assert state.info.residual > 1e-10
    plan, _ = formed(state)
    reached = float((plan.sum(0) - state.target.weights).abs().sum())
    assert reached == pytest.approx(state.info.residual, rel=1e-6)


def test_it_can_be_cancelled_and_tells_how_far_it_is():
    told = []
    ctx = Context(on_progress=lambda fraction, note: told.append(fraction))
    SinkhornPoints(blur=0.02, tol=1e-7).solve(cloud(1, 60, 2), cloud(2, 60, 2), ctx=ctx)
    assert told
    assert all(0 <= fraction < 1 for fraction in told)
    with pytest.raises(CancelledError):
        SinkhornPoints(blur=0.02, tol=1e-7).solve(
            cloud(1, 60, 2), cloud(2, 60, 2), ctx=Context(is_cancelled=lambda: True)
        )
