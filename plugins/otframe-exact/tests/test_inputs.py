"""What the solvers take, and what they refuse."""

from __future__ import annotations

import pytest
import torch
from otframe_exact.approximate import ApproximateTransport
from otframe_exact.assignment import Assignment
from otframe_exact.line import LineTransport
from otframe_exact.network import NetworkTransport

from otframe.errors import DataError
from otframe.ports import signature, unify
from otframe.registry import Registry
from otframe.values import Density, PointCloud
from otframe.values.codec import from_bytes, to_bytes

SOLVERS = pytest.mark.parametrize(
    "solver",
    [LineTransport(), Assignment(), NetworkTransport(), NetworkTransport(dense_limit=0), ApproximateTransport()],
)


def points(seed, n=8, dtype=torch.float64):
    return torch.randn(n, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@SOLVERS
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_precisions(solver, dtype):
    source, target = PointCloud(points(0, dtype=dtype)), PointCloud(points(1, dtype=dtype))
    plan = solver.solve(source, target)
    assert plan.mass.dtype == plan.f.dtype == torch.float64
    assert plan(source.points).dtype == dtype
    wide = solver.solve(PointCloud(source.points.double()), PointCloud(target.points.double()))
    assert plan.cost == wide.cost  # nothing is lost on the way


@SOLVERS
def test_what_is_not_a_measure_is_refused(solver):
    good = PointCloud(points(0))
    for bad in (torch.nan, torch.inf, -torch.inf):
        spoilt = points(1)
        spoilt[3] = bad
        with pytest.raises(DataError, match="must be finite") as caught:
            solver.solve(good, PointCloud(spoilt))
        assert caught.value.port == "target"
    for weights, message in (
        (torch.zeros(8), "all zero"),
        (torch.full((8,), -1.0), "not negative"),
        (torch.tensor([1.0, -1e-9, 0, 0, 0, 0, 0, 0]), "not negative"),
        (torch.full((8,), torch.nan), "finite"),
        (torch.tensor([torch.inf, 1, 1, 1, 1, 1, 1, 1]), "finite"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            solver.solve(PointCloud(points(1), weights), good)
        assert caught.value.port == "source"
    with pytest.raises(DataError, match="dimension 1, the target 2"):
        solver.solve(good, PointCloud(torch.randn(8, 2)))


@SOLVERS
def test_costs_beyond_float64_are_refused(solver):
    for factor in (1e200, 1.7e308):
        with pytest.raises(DataError, match="beyond float64|further apart"):
            solver.solve(PointCloud(points(0).clamp(-1, 1) * factor), PointCloud(-points(1).clamp(-1, 1) * factor))


@pytest.mark.parametrize("solver", [LineTransport(), NetworkTransport(), ApproximateTransport()])
def test_weights_need_not_sum_to_one(solver):
    weights = torch.rand(8, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.1
    target = PointCloud(points(1))
    plan, other = (solver.solve(PointCloud(points(0), w), target) for w in (weights, weights * 2.0**900))
    assert plan.cost == other.cost
    assert float(plan.mass.sum()) == pytest.approx(1.0, abs=1e-15)
    assert float(other.source.weights.sum()) == pytest.approx(1.0)


def test_ports_take_clouds_or_densities():
    for cls in (LineTransport, NetworkTransport, ApproximateTransport):
        found = signature(cls, "solve")
        for kind in (PointCloud, Density):
            bindings = unify(found.port("source").hint, kind, {})
            assert bindings is not None
            assert unify(found.port("target").hint, kind, bindings) is not None
    assert unify(signature(Assignment, "solve").port("source").hint, Density, {}) is None


def test_densities_are_moved_cell_by_cell():
    mass = torch.zeros(6, 5, dtype=torch.float64)
    mass[1, 1], mass[2, 3] = 1.0, 3.0
    moved = torch.roll(mass, (2, 1), (0, 1))
    for solver in (NetworkTransport(), ApproximateTransport()):
        plan = solver.solve(Density(mass, (1.0, 2.0)), Density(moved * 7, (1.0, 2.0)))
        assert plan.cost == pytest.approx(2**2 + 2**2)
        assert plan.source.count == 2
        assert plan.mass.tolist() == pytest.approx([0.25, 0.75])


def test_plans_can_be_stored():
    registry = Registry(allow=["exact"])
    plan = NetworkTransport().solve(PointCloud(points(0)), PointCloud(points(1)))
    back = from_bytes(to_bytes(plan, registry), registry)
    assert torch.equal(back.mass, plan.mass)
    assert torch.equal(back.f, plan.f)
    assert back.gap == plan.gap


@pytest.mark.parametrize("cls", [LineTransport, Assignment, NetworkTransport, ApproximateTransport])
def test_a_pipeline_moves_points_by_a_plan(cls, run_yaml, registry):
    registry.add("exact.solver", cls)
    source, target = PointCloud(points(0)), PointCloud(points(1))
    result = run_yaml(
        """
        inputs: {before: PointCloud, after: PointCloud}
        nodes:
          plan: {use: exact.solver, in: {source: before, target: after}}
          moved: {use: transport.apply, in: {samples: before, transport: plan}}
        outputs: {moved: moved, plan: plan}
        """,
        before=source,
        after=target,
    )
    moved = result.values["moved"].points
    assert torch.allclose(moved.sort(0).values, target.points.sort(0).values)
    assert 0 <= result.values["plan"].gap + 1e-15 <= (0.1 if cls is ApproximateTransport else 1e-12)
