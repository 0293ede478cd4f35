"""`sliced.barycenter`: closed forms, weights, polishing by exact transports, and what is refused."""

from __future__ import annotations

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_sliced.barycenter import SlicedBarycenter
from pydantic import ValidationError

from otframe.errors import DataError, SolveError
from otframe.interfaces import Context, Solver
from otframe.testing.strategies import clouds
from otframe.values import AffineMap, Plan, PointCloud, SolveInfo, Transport

QUICK = settings(max_examples=25, deadline=None)
SEEDS = st.integers(0, 2**31)


class Exact(Solver):
    """Exact plans by POT."""

    references = ("peyre2019computational",)

    def solve(self, source: PointCloud, target: PointCloud) -> Plan:
        """The plan of least squared distance between clouds of equal or other masses."""
        x, y = source.points.double().numpy(), target.points.double().numpy()
        b = np.full(len(y), 1 / len(y)) if target.weights is None else target.weights.numpy()
        costs = ot.dist(x, y)
        plan = ot.emd(np.full(len(x), 1 / len(x)), b / b.sum(), costs)
        rows, cols = map(torch.from_numpy, np.nonzero(plan))
        mass = torch.from_numpy(plan)[rows, cols]
        return Plan(float((plan * costs).sum()), SolveInfo(), rows, cols, mass, source, target)


class Nothing(Solver):
    """Gives what moves no points."""

    references = ("peyre2019computational",)

    def solve(self, source: PointCloud, target: PointCloud) -> Transport:
        """A transport without a map."""
        return Transport(0.0, SolveInfo())


def solve(given_, seed=0, **params):
    return SlicedBarycenter(**params).solve(given_, ctx=Context(seed=seed))


def cloud(n, d, seed, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    return PointCloud(torch.randn(n, d, generator=g, dtype=torch.float64).to(dtype))


def objective(x, given_, weights=None):
    weights = [1 / len(given_)] * len(given_) if weights is None else weights
    return sum(w * Exact().solve(x, y).cost for w, y in zip(weights, given_, strict=True))


@QUICK
@given(n=st.integers(2, 40), d=st.integers(1, 5), seed=SEEDS, weights=st.sampled_from([(1, 1), (3, 1), (0, 2)]))
def test_translates_meet_at_the_mean_shift(n, d, seed, weights):
    x = cloud(n, d, seed)
    by = torch.arange(1, d + 1).double()
    found = solve([x, PointCloud(x.points + by)], weights=tuple(map(float, weights)))
    share = weights[1] / sum(weights)
    assert torch.allclose(found.points.sum(0), (x.points + share * by).sum(0), atol=1e-6)
    start = x.points + (share if weights[0] else 1) * by
    assert torch.allclose(found.points, start, atol=1e-6)


@QUICK
@given(st.lists(clouds(dim=1, weighted=False), min_size=1, max_size=4), SEEDS)
def test_on_the_line_quantiles_are_averaged(given_, seed):
    n = given_[0].count
    found = solve(given_, seed).points[:, 0].sort().values
    wanted = torch.zeros(n, dtype=torch.float64)
    for one in given_:
        fine = one.points[:, 0].sort().values.repeat_interleave(n)
        wanted += fine.reshape(n, one.count).mean(1) / len(given_)
    assert torch.allclose(found, wanted, atol=1e-9)


@QUICK
@given(seed=SEEDS, counts=st.lists(st.integers(1, 4), min_size=2, max_size=8))
def test_weights_are_repetitions(seed, counts):
    start, other = cloud(20, 3, seed), cloud(len(counts), 3, seed + 1)
    repeated = PointCloud(other.points.repeat_interleave(torch.tensor(counts), 0))
    weighted = PointCloud(other.points, torch.tensor(counts).double())
    found = [solve([start, one], seed).points for one in (repeated, weighted)]
    assert torch.allclose(*found, atol=1e-9)


def test_polishing_reaches_the_objective_of_the_peer():
    given_ = [PointCloud(cloud(60, 3, k).points * (1 + k) + k) for k in range(4)]
    plain = solve(given_)
    polished = solve(given_, solver=Exact(), steps=4)
    masses = [np.full(60, 1 / 60)] * 4
    points = [one.points.numpy() for one in given_]
    peer = PointCloud(torch.from_numpy(ot.lp.free_support_barycenter(points, masses, points[0].copy())))
    assert objective(polished, given_) < objective(plain, given_)
    assert objective(polished, given_) <= 1.005 * objective(peer, given_)
    # the sliced start is near already
    assert objective(plain, given_) <= 1.1 * objective(peer, given_)


def test_other_sizes_and_weighted_clouds():
    given_ = [cloud(30, 2, 0), PointCloud(cloud(50, 2, 1).points + 4, torch.rand(50).double() + 0.1)]
    for count in (10, 30, 80):
        found = solve(given_, count=count, solver=Exact(), steps=2)
        assert found.points.shape == (count, 2)
        assert found.weights is None
        assert objective(found, given_) < objective(given_[0], given_)
    heavy = PointCloud(given_[0].points, torch.tensor([1.0] + [1e-12] * 29).double())
    lonely = solve([heavy], count=5)
    assert torch.allclose(lonely.points, given_[0].points[:1].expand(5, 2), atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_precision_units_and_seeds(dtype):
    given_ = [cloud(20, 3, k, dtype) for k in range(3)]
    found = solve(given_)
    assert found.points.dtype == dtype
    far = solve([PointCloud(one.points * 1e3 + 1e4) for one in given_])
    assert torch.allclose(far.points.double(), found.points.double() * 1e3 + 1e4, rtol=1e-4, atol=30)
    assert torch.equal(found.points, solve(given_).points)
    assert not torch.equal(found.points, solve(given_, 1).points)


def test_few_points():
    one = PointCloud(torch.tensor([[1.0, 2.0]]))
    other = PointCloud(torch.tensor([[3.0, 0.0], [5.0, 0.0]]))
    assert torch.allclose(solve([one]).points, one.points)
    assert torch.allclose(solve([one, other]).points, torch.tensor([[2.5, 1.0]]), atol=1e-5)
    same = PointCloud(torch.ones(4, 2))
    assert torch.equal(solve([same, same]).points, same.points)


def test_what_is_refused():
    with pytest.raises(DataError, match="at least one"):
        solve([])
    with pytest.raises(DataError, match="2 clouds and 3 weights"):
        solve([cloud(3, 2, 0)] * 2, weights=(1.0, 1.0, 1.0))
    with pytest.raises(DataError, match="dimensions 2, 3"):
        solve([cloud(3, 2, 0), cloud(3, 3, 0)])
    with pytest.raises(DataError, match="finite"):
        solve([cloud(3, 2, 0), PointCloud(torch.full((3, 2), float("nan")))])
    with pytest.raises(SolveError, match=r"not reached in 1 steps") as caught:
        solve([cloud(30, 3, 0), cloud(30, 3, 1)], max_iter=1, tolerance=1e-9)
    assert "max_iter" in caught.value.hint
    with pytest.raises(SolveError, match="moves no points"):
        solve([cloud(5, 2, 0)], solver=Nothing())
    with pytest.raises(ValidationError):
        SlicedBarycenter(weights=(-1.0, 2.0))


def test_the_solver_is_named_in_a_pipeline(run_yaml, registry):
    registry.add("toy.exact", Exact)
    registry.add("sliced.barycenter", SlicedBarycenter)
    given_ = {"a": cloud(12, 2, 0), "b": PointCloud(cloud(12, 2, 1).points + 3)}
    made = run_yaml(
        """
        inputs: {clouds: "PointCloud[]"}
        nodes:
          middle: {use: sliced.barycenter, in: clouds, with: {solver: {use: toy.exact}, steps: 3}}
        outputs: {middle: middle}
        """,
        clouds=given_,
    ).values["middle"]
    assert objective(made, list(given_.values())) < objective(given_["a"], list(given_.values()))


def test_an_affine_map_polishes_too():
    class Doubled(Nothing):
        def solve(self, source: PointCloud, target: PointCloud) -> AffineMap:
            return AffineMap(0.0, SolveInfo(), 2 * torch.eye(2).double(), torch.zeros(2).double())

    x = cloud(9, 2, 0)
    found = solve([x], solver=Doubled(), steps=1).points
    # twice as far from the middle of the box, in which the solver works
    middle = (x.points.amin(0) + x.points.amax(0)) / 2
    assert torch.allclose(found, middle + 2 * (x.points - middle), atol=1e-9)


def test_a_start_of_one_place_is_taken_apart():
    start, other = PointCloud(torch.zeros(6, 2).double()), cloud(6, 2, 0)
    found = solve([start, other], weights=(0.5, 0.5))
    assert objective(found, [other]) < 0.3 * objective(start, [other])
    assert objective(found, [start]) < 0.3 * objective(other, [start])
