"""`sliced.distance`: an exact distance on the line, closed forms, the peer's value, and input that cannot be used."""

from __future__ import annotations

import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_sliced.clouds import prepared
from otframe_sliced.directions import orthonormal_basis, orthonormal_groups, quasi_random_groups
from otframe_sliced.distance import SlicedDistance, sliced_costs
from pydantic import ValidationError
from scipy.stats import wasserstein_distance

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.testing.strategies import clouds
from otframe.values import PointCloud

QUICK = settings(max_examples=40, deadline=None)
KINDS = st.sampled_from(["orthonormal", "quasi-random"])
SEEDS = st.integers(0, 2**31)


def distance(x, y, seed=0, **params):
    found = SlicedDistance(**{"count": 16, **params})(x, y, ctx=Context(seed=seed))
    return found.distance.number, found.standard_error.number


def cloud(n, d, seed, weighted=False, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    weights = torch.rand(n, generator=g, dtype=torch.float64) + 0.01 if weighted else None
    return PointCloud(torch.randn(n, d, generator=g, dtype=torch.float64).to(dtype), weights)


@QUICK
@given(x=clouds(dim=3), y=clouds(dim=3), p=st.sampled_from([1.0, 2.0, 3.5]), directions=KINDS)
def test_it_is_a_distance(x, y, p, directions):
    there, error = distance(x, y, p=p, directions=directions)
    back, _ = distance(y, x, p=p, directions=directions)
    assert there >= 0
    assert error >= 0
    assert back == pytest.approx(there, rel=1e-9, abs=1e-12)
    itself, spread = distance(x, x, p=p, directions=directions)
    assert itself == pytest.approx(0, abs=1e-7)
    assert spread == pytest.approx(0, abs=1e-7)


@QUICK
@given(x=clouds(), seed=SEEDS, shift=st.floats(-50, 50), factor=st.sampled_from([1e-6, 0.5, 1e6]))
def test_shifts_and_units(x, seed, shift, factor):
    by = torch.full((x.dim,), shift, dtype=torch.float64) * torch.arange(1, x.dim + 1)
    moved = PointCloud(x.points + by, x.weights)
    found, error = distance(x, moved, seed)
    # |s|^2 / d, exactly: the directions of a basis share the squared length of the shift
    wanted = float(by.square().sum() / x.dim) ** 0.5
    assert found == pytest.approx(wanted, rel=1e-9, abs=1e-7)
    assert error <= 1e-6 * max(wanted, 1e-3)
    scaled = PointCloud(x.points * factor, x.weights), PointCloud(moved.points * factor, x.weights)
    assert distance(*scaled, seed)[0] == pytest.approx(found * factor, rel=1e-6, abs=1e-7 * factor)


def test_a_shift_along_quasi_random_directions_has_an_error_that_covers_it():
    x = cloud(20, 4, 0)
    by = torch.tensor([3.0, -1.0, 0.5, 2.0], dtype=torch.float64)
    inside = 0
    for seed in range(40):
        found, error = distance(x, PointCloud(x.points + by), seed, directions="quasi-random", count=64)
        assert error > 0
        inside += abs(found - float(by.square().sum() / 4) ** 0.5) < 2.5 * error
    assert inside >= 34


def test_the_error_of_bases_is_that_of_repetitions():
    x, y = cloud(60, 3, 0), cloud(50, 3, 1, weighted=True)
    found = torch.tensor([distance(x, y, seed, count=48) for seed in range(60)], dtype=torch.float64)
    assert float(found[:, 1].mean()) == pytest.approx(float(found[:, 0].std()), rel=0.35)


@QUICK
@given(x=clouds(dim=1), y=clouds(dim=1), directions=KINDS)
def test_on_the_line_it_is_exact(x, y, directions):
    lines = [one.points[:, 0].numpy() for one in (x, y)]
    weights = [None if one.weights is None else one.weights.numpy() for one in (x, y)]
    found, error = distance(x, y, p=1.0, directions=directions)
    assert found == pytest.approx(wasserstein_distance(*lines, *weights), rel=1e-9, abs=1e-9)
    assert error == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
@pytest.mark.parametrize(("n", "m", "weighted"), [(40, 40, False), (40, 25, False), (40, 25, True)])
def test_the_peer_gives_the_same_along_the_same_directions(p, n, m, weighted):
    x, y = cloud(n, 3, 0, weighted), cloud(m, 3, 1, weighted)
    basis = torch.cat([orthonormal_basis(3, torch.Generator().manual_seed(k)) for k in range(5)])
    ready = prepared([x, y], ["x", "y"])
    found = float(sliced_costs(*ready, basis, p).mean()) ** (1 / p)
    masses = [one.mass.numpy() for one in ready]
    wanted = ot.sliced_wasserstein_distance(
        x.points.numpy(), y.points.numpy(), *masses, projections=basis.T.numpy(), p=p
    )
    assert found == pytest.approx(float(wanted), rel=1e-9)


@QUICK
@given(seed=SEEDS, counts=st.lists(st.integers(1, 4), min_size=1, max_size=8))
def test_weights_are_repetitions(seed, counts):
    x, y = cloud(len(counts), 3, seed), cloud(9, 3, seed + 1)
    repeated = PointCloud(x.points.repeat_interleave(torch.tensor(counts), 0))
    weighted = PointCloud(x.points, torch.tensor(counts).double())
    assert distance(weighted, y, seed)[0] == pytest.approx(distance(repeated, y, seed)[0], rel=1e-9)


def test_precisions_agree():
    x, y = cloud(50, 3, 0), cloud(60, 3, 1)
    single = PointCloud(x.points.float()), PointCloud(y.points.float())
    assert distance(*single)[0] == pytest.approx(distance(x, y)[0], rel=1e-5)
    assert distance(PointCloud(x.points.half()), single[1])[0] == pytest.approx(distance(x, y)[0], rel=1e-2)


def test_far_origins_and_wide_ranges():
    x, y = cloud(30, 2, 0), cloud(30, 2, 1)
    near = distance(x, y)[0]
    assert distance(PointCloud(x.points + 1e6), PointCloud(y.points + 1e6))[0] == pytest.approx(near, rel=1e-6)
    assert distance(PointCloud(x.points * 1e140), PointCloud(y.points * 1e140))[0] == pytest.approx(near * 1e140)
    with pytest.raises(DataError, match="too far"):
        distance(PointCloud(x.points * 1e200), PointCloud(y.points * 1e200))


def test_masses_of_very_different_size_and_none():
    x, y = cloud(4, 2, 0), cloud(3, 2, 1)
    heavy = PointCloud(x.points, torch.tensor([1e-12, 1e12, 1e12, 0.0], dtype=torch.float64))
    alone = PointCloud(x.points[1:3])
    assert distance(heavy, y)[0] == pytest.approx(distance(alone, y)[0], rel=1e-9)
    half = PointCloud(x.points, torch.tensor([0.0, 0.0, 5.0, 0.0]))
    assert distance(half, y)[0] == pytest.approx(distance(PointCloud(x.points[2:3]), y)[0], rel=1e-12)


@pytest.mark.parametrize(
    ("points", "weights", "told"),
    [
        ([[float("nan"), 0.0]], None, "finite"),
        ([[float("inf"), 0.0]], None, "finite"),
        ([[0.0, 0.0], [float("nan"), 0.0]], [1.0, 0.0], "finite"),
        ([[0.0, 0.0]], [0.0], "no mass"),
        ([[0.0, 0.0], [1.0, 1.0]], [1.0, -1.0], "not negative"),
        ([[0.0, 0.0]], [float("nan")], "finite"),
        ([[0.0, 0.0, 0.0]], None, "dimensions"),
    ],
)
def test_what_cannot_be_used_is_refused(points, weights, told):
    bad = PointCloud(torch.tensor(points), None if weights is None else torch.tensor(weights))
    with pytest.raises(DataError, match=told) as caught:
        distance(cloud(3, 2, 0), bad)
    assert caught.value.port == "target"


def test_parameters():
    for wrong in ({"p": 0.5}, {"count": 1}, {"directions": "random"}):
        with pytest.raises(ValidationError):
            SlicedDistance(**wrong)


@pytest.mark.parametrize("dim", [1, 2, 3, 30])
def test_directions_are_of_length_one_and_as_many_as_asked(dim):
    rng = torch.Generator().manual_seed(0)
    for make in (orthonormal_groups, quasi_random_groups):
        groups = list(make(dim, 50, rng))
        assert len(groups) >= 2
        assert sum(map(len, groups)) >= 50
        assert torch.allclose(torch.cat(groups).norm(dim=1), torch.ones(1).double())
    basis = orthonormal_basis(dim, rng)
    assert torch.allclose(basis @ basis.T, torch.eye(dim).double(), atol=1e-12)


def test_bases_prefer_no_direction():
    rng = torch.Generator().manual_seed(0)
    rows = torch.stack([orthonormal_basis(3, rng) for _ in range(2000)])
    assert float(rows.mean(0).abs().max()) < 0.06
    assert torch.allclose(rows[:, 0].T @ rows[:, 0] / 2000, torch.eye(3).double() / 3, atol=0.03)
