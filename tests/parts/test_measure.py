"""The numbers of a transport: costs and gaps, the errors of marginals, and how far a map misses the target."""

from dataclasses import replace

import pytest
import torch
from scipy.optimize import linear_sum_assignment

from otframe.errors import DataError
from otframe.parts.landing import directions, least_distance
from otframe.parts.measure import Measure
from otframe.values import AffineMap, Density, Plan, PointCloud, PointMap, SolveInfo, Transport

POINTS = torch.tensor([[0.0, 0.0], [1.0, 0.0]]).double()


def told(transport, source, target, reference=None):
    table = Measure(title="Numbers")(transport, source, target, reference)
    (row,) = table.rows
    assert table.title == "Numbers"
    return dict(zip(table.columns, row, strict=True))


def plan(mass, *, source=None, target=None, **more):
    source, target = source or PointCloud(POINTS), target or PointCloud(POINTS + 2)
    index = torch.arange(2)
    return Plan(8.0, SolveInfo(3, True, 0.5), index, index, torch.tensor(mass).double(), source, target, **more)


def test_of_a_plan():
    source, target = PointCloud(POINTS), PointCloud(POINTS + 2)
    found = told(plan([0.5, 0.5], dual=7.5), source, target, reference=replace(plan([0.5, 0.5]), cost=5.0))
    assert found["cost"] == 8
    assert found["gap"] == 3
    assert found["gap (%)"] == 60
    assert found["duality gap"] == 0.5
    assert found["marginal error"] == 0
    assert found["map error"] == pytest.approx(0, abs=1e-9)
    assert (found["residual"], found["converged"], found["iterations"]) == (0.5, "yes", 3)


def test_mass_that_is_missing_counts_in_both_marginals():
    source, target = PointCloud(POINTS), PointCloud(POINTS + 2)
    assert told(plan([0.5, 0.25]), source, target)["marginal error"] == pytest.approx(0.5)
    unlike = PointCloud(POINTS, torch.tensor([0.9, 0.1]).double())
    assert told(plan([0.5, 0.5]), unlike, target)["marginal error"] == pytest.approx(0.8)
    assert told(plan([0.5, 0.5]), PointCloud(POINTS + 1e-9), target)["marginal error"] is None, "of other points"


def test_of_a_map():
    source, target = PointCloud(POINTS), PointCloud(POINTS + 2)
    short = PointMap(1.0, SolveInfo(converged=False), POINTS, POINTS + 1.5)
    found = told(short, source, target)
    assert found["map error"] == pytest.approx(0.5 * 2**0.5)
    assert found["converged"] == "no"
    assert [found[name] for name in ("gap", "gap (%)", "duality gap", "marginal error")] == [None] * 4
    exact = AffineMap(8.0, SolveInfo(), torch.eye(2).double(), torch.full((2,), 2.0).double())
    assert told(exact, source, target)["map error"] == pytest.approx(0, abs=1e-9)
    assert told(exact, source, target, replace(exact, cost=0.0))["gap (%)"] is None


def test_cells_without_mass_do_not_count():
    density = Density(torch.tensor([[0.0, 3.0], [1.0, 0.0]]).double())

    class OnGrid(Plan):
        def marginals(self):
            mass = density.mass / 4
            mass[0, 0] += 0.125
            return mass, mass

    cloud = density.cloud()
    index = torch.arange(2)
    made = OnGrid(0.0, SolveInfo(), index, index, cloud.weights, cloud, cloud)
    for side in ("source", "target"):
        object.__setattr__(made, side, density)
    object.__setattr__(made, "as_map", lambda: PointMap(0.0, SolveInfo(), cloud.points, cloud.points))
    assert told(made, cloud, cloud)["marginal error"] == pytest.approx(0.25)


@pytest.mark.parametrize("dim", [1, 2, 3, 5])
def test_the_distance_of_a_cloud_that_is_moved(dim):
    random = torch.Generator().manual_seed(dim)
    points, shift = (torch.randn(n, dim, generator=random, dtype=torch.float64) for n in (30, 1))
    weights = torch.rand(30, generator=random, dtype=torch.float64)
    weights /= weights.sum()
    other = torch.randperm(30, generator=random)
    found = least_distance(points, weights, (points + shift)[other], weights[other])
    assert found == pytest.approx(float(shift.norm()), rel=1e-9)
    assert least_distance(points, weights, points[other], weights[other]) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("dim", [1, 2, 4])
def test_it_is_a_bound(dim):
    random = torch.Generator().manual_seed(0)
    x, y = (torch.randn(40, dim, generator=random, dtype=torch.float64) * (1 + k) for k in range(2))
    costs = torch.cdist(x, y).square().numpy()
    true = float(costs[linear_sum_assignment(costs)].mean()) ** 0.5
    weights = torch.full((40,), 1 / 40, dtype=torch.float64)
    found = least_distance(x, weights, y, weights)
    assert 0.3 * true < found <= true * (1 + 1e-9)
    if dim == 1:
        assert found == pytest.approx(true)


def test_weights_on_a_line():
    # 3/4 at 0 and 1/4 at 1, onto 1/4 at 0 and 3/4 at 1: half of the mass goes a way of 1
    places = torch.tensor([[0.0], [1.0]]).double()
    weights = torch.tensor([0.75, 0.25]).double()
    assert least_distance(places, weights, places, weights.flip(0)) == pytest.approx(0.5**0.5)


@pytest.mark.parametrize("dim", [2, 3, 7])
def test_directions_see_all_alike(dim):
    found = directions(dim)
    assert torch.allclose(found.norm(dim=1), torch.ones(len(found)).double())
    assert torch.allclose(found.T @ found / len(found), torch.eye(dim).double() / dim, atol=1e-12)


def test_what_does_not_fit_is_told_of():
    source = PointCloud(POINTS)
    with pytest.raises(DataError, match="dimension"):
        told(plan([0.5, 0.5]), source, PointCloud(POINTS[:, :1]))
    with pytest.raises(DataError, match="neither a map nor a plan"):
        told(Transport(1.0, SolveInfo()), source, source)
    with pytest.raises(DataError, match="NaN"):
        told(PointMap(1.0, SolveInfo(), POINTS, POINTS * torch.nan), source, source)
