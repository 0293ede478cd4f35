"""`gaussian.transport`: identity, singular laws, closed forms, and the peer's map."""

from __future__ import annotations

import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_gaussian.transport import GaussianTransport

from otframe.errors import DataError
from otframe.numerics import gelbrich_squared, sqrt
from otframe.values import GaussianLaw, PointCloud

QUICK = settings(max_examples=100, deadline=None)
SCALES = st.sampled_from([1e-6, 1e-3, 1.0, 1e6])
SEEDS = st.integers(0, 2**31)


def law(d, rank, seed, scale=1.0, spread=3.0):
    """A law of the given rank with eigenvalues over `10^spread`."""
    g = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(d, d, generator=g, dtype=torch.float64))[0][:, :rank]
    values = 10 ** (-spread * torch.rand(rank, generator=g, dtype=torch.float64))
    cov = (basis * values) @ basis.T * scale**2
    return GaussianLaw(torch.randn(d, generator=g, dtype=torch.float64) * scale, (cov + cov.T) / 2)


def pushed(map, source):
    noise = 0.0 if map.noise_cov is None else map.noise_cov
    return map.A @ source.cov @ map.A.T + noise


@QUICK
@given(d=st.integers(1, 12), seed=SEEDS, scale=SCALES, spread=st.sampled_from([1.0, 5.0, 9.0]))
def test_a_law_to_itself_is_the_identity(d, seed, scale, spread):
    source = law(d, d, seed, scale, spread)
    map = GaussianTransport().solve(source, source)
    assert map.noise_cov is None
    assert (map.A - torch.eye(d)).abs().max() < 1e-10
    assert map.b.abs().max() <= 1e-10 * scale * 10
    assert map.cost <= 1e-20 * scale**2


@QUICK
@given(d=st.integers(2, 12), rank=st.integers(1, 8), seed=SEEDS, scale=SCALES)
def test_a_singular_law_to_itself_is_the_identity_on_its_range(d, rank, seed, scale):
    rank = min(rank, d - 1)
    source = law(d, rank, seed, scale)
    map = GaussianTransport().solve(source, source)
    root = sqrt(source.cov, floor=1e-10) / scale
    assert (map.A @ root - root).abs().max() < 1e-10
    # Points of the law stay where they are, and nothing is added.
    assert map.noise_cov is None or float(map.noise_cov.abs().max()) < 1e-10 * scale**2


@QUICK
@given(d=st.integers(1, 8), seed=SEEDS, factor=st.sampled_from([1e-6, 0.5, 1e6]))
def test_other_units_are_a_scaling(d, seed, factor):
    source = law(d, d, seed, spread=6.0)
    target = GaussianLaw(source.mean * factor, source.cov * factor**2)
    map = GaussianTransport().solve(source, target)
    assert (map.A / factor - torch.eye(d)).abs().max() < 1e-9


@QUICK
@given(
    d=st.integers(1, 10),
    ranks=st.tuples(st.integers(0, 10), st.integers(0, 10)),
    seed=SEEDS,
    scales=st.tuples(SCALES, SCALES),
)
def test_pushed_covariance_is_the_target_whatever_the_ranks(d, ranks, seed, scales):
    source, target = (law(d, min(d, rank), seed + i, scales[i]) for i, rank in enumerate(ranks))
    map = GaussianTransport().solve(source, target)
    assert torch.isfinite(map.A).all()
    size = float(target.cov.abs().max())
    assert float((pushed(map, source) - target.cov).abs().max()) <= 1e-9 * size
    assert map.info.residual <= 1e-9
    assert torch.allclose(map(source.mean[None])[0], target.mean, rtol=0, atol=1e-9 * scales[1] + 1e-12 * scales[1])
    if map.noise_cov is not None:
        assert float(torch.linalg.eigvalsh(map.noise_cov).min()) >= -1e-12 * max(size, 1e-300)
    # The plan is optimal: it costs what no coupling can undercut.
    bound = gelbrich_squared(source.mean, source.cov, target.mean, target.cov)
    assert map.cost == pytest.approx(bound, rel=1e-6, abs=1e-9 * (scales[0] ** 2 + scales[1] ** 2))


@QUICK
@given(d=st.integers(1, 10), seed=SEEDS)
def test_regular_map_is_symmetric_and_positive(d, seed):
    map = GaussianTransport().solve(law(d, d, seed), law(d, d, seed + 1))
    assert map.noise_cov is None
    assert torch.equal(map.A, map.A.T)
    assert float(torch.linalg.eigvalsh(map.A).min()) > 0


@QUICK
@given(d=st.integers(1, 8), seed=SEEDS)
def test_against_the_peer(d, seed):
    source, target = law(d, d, seed, spread=2.0), law(d, d, seed + 1, spread=2.0)
    map = GaussianTransport().solve(source, target)
    A, b = ot.gaussian.bures_wasserstein_mapping(source.mean, target.mean, source.cov, target.cov)
    assert torch.allclose(map.A, A, rtol=0, atol=1e-8)
    assert torch.allclose(map.b, b.reshape(-1), rtol=0, atol=1e-8)
    distance = ot.gaussian.bures_wasserstein_distance(source.mean, target.mean, source.cov, target.cov)
    assert map.cost == pytest.approx(float(distance) ** 2, rel=1e-8)


@QUICK
@given(d=st.integers(1, 6), seed=SEEDS, t=st.floats(0, 1))
def test_displaced_law_is_the_interpolation_of_mccann(d, seed, t):
    source, target = law(d, d, seed), law(d, d, seed + 1)
    map = GaussianTransport().solve(source, target)
    part = map.at(t)
    mixed = (1 - t) * torch.eye(d, dtype=torch.float64) + t * map.A
    wanted = mixed @ source.cov @ mixed  # McCann 1997, example 1.7
    assert torch.allclose(pushed(part, source), wanted, atol=1e-12)
    points = torch.randn(7, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    assert torch.allclose(part(points), map.displace(points, t), atol=1e-12)
    moved = GaussianLaw((1 - t) * source.mean + t * target.mean, wanted)
    start = gelbrich_squared(source.mean, source.cov, moved.mean, moved.cov)
    assert start == pytest.approx(t**2 * map.cost, rel=1e-6, abs=1e-12)  # constant speed
    assert part.cost == pytest.approx(t**2 * map.cost)


def test_one_dimension_and_commuting_laws_in_closed_form():
    one = GaussianLaw(torch.tensor([1.0]).double(), torch.tensor([[4.0]]).double())
    two = GaussianLaw(torch.tensor([-2.0]).double(), torch.tensor([[9.0]]).double())
    map = GaussianTransport().solve(one, two)
    assert float(map.A) == pytest.approx(1.5)
    assert float(map.b) == pytest.approx(-3.5)
    assert map.cost == pytest.approx(9 + 1)


def test_samples_of_a_singular_source_get_the_target_law():
    source, target = law(4, 2, 0), law(4, 4, 1)
    map = GaussianTransport().solve(source, target)
    assert map.noise_cov is not None
    g = torch.Generator().manual_seed(0)
    white = torch.randn(60000, 4, generator=g, dtype=torch.float64)
    moved = PointCloud(white @ sqrt(source.cov) + source.mean).transported(map, seed=1).points
    assert torch.allclose(torch.cov(moved.T), target.cov, atol=0.02)
    assert torch.allclose(moved.mean(0), target.mean, atol=0.02)


def test_constant_laws():
    point = GaussianLaw(torch.ones(2).double(), torch.zeros(2, 2).double())
    other = law(2, 2, 0)
    away = GaussianTransport().solve(point, other)
    assert not away.A.any()
    assert torch.allclose(away.noise_cov, other.cov)
    back = GaussianTransport().solve(other, point)
    assert torch.allclose(back.A, torch.zeros(2, 2).double(), atol=1e-12)
    assert back.noise_cov is None


def test_dimensions_must_match():
    with pytest.raises(DataError, match="dimension 3, the target 2") as caught:
        GaussianTransport().solve(law(3, 3, 0), law(2, 2, 0))
    assert caught.value.hint


def test_shrinkage_makes_a_singular_source_regular():
    map = GaussianTransport(shrinkage=0.1).solve(law(5, 2, 0), law(5, 5, 1))
    assert map.noise_cov is None
