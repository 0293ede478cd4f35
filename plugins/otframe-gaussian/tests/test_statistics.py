"""`gaussian.statistics`: against plain formulas, merge laws, and shrinkage."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_gaussian.shrinkage import oas_intensity
from otframe_gaussian.statistics import Statistics
from pydantic import ValidationError

from otframe.errors import DataError
from otframe.ports import signature, unify
from otframe.registry import Registry
from otframe.values import GaussianLaw, Image, Latent, PatchSet, PointCloud
from otframe.values.codec import from_bytes, to_bytes


def image(seed, side=14):
    return Image(torch.rand(3, side, side + 3, generator=torch.Generator().manual_seed(seed)))


def fold(accumulator, items):
    states = [accumulator.lift(item) for item in items]
    while len(states) > 1:
        states[:2] = [accumulator.merge(states[0], states[1])]
    return accumulator.finish(states[0])


def test_ports():
    found = signature(Statistics, "lift")
    assert found.output is GaussianLaw
    for kind in (PatchSet[Latent], PatchSet[Image], PointCloud):
        assert unify(found.port("samples").hint, kind, {}) is not None
    assert unify(found.port("samples").hint, Image, {}) is None


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_law_of_all_patches_of_all_images(size):
    items = [PatchSet(image(seed, 12 + seed), size) for seed in range(4)]
    law = fold(Statistics(), items)
    rows = torch.cat([item.rows() for item in items]).double()
    assert law.count == len(rows)
    assert torch.allclose(law.mean, rows.mean(0), atol=1e-12)
    assert torch.allclose(law.cov, torch.cov(rows.T), atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31), d=st.integers(1, 5), counts=st.lists(st.integers(1, 20), min_size=2, max_size=5))
def test_points_whatever_the_order_of_merging(seed, d, counts):
    g = torch.Generator().manual_seed(seed)
    clouds = [PointCloud(torch.randn(n, d, generator=g, dtype=torch.float64) + i) for i, n in enumerate(counts)]
    law, back = fold(Statistics(), clouds), fold(Statistics(), clouds[::-1])
    rows = torch.cat([cloud.points for cloud in clouds])
    assert torch.allclose(law.cov, torch.cov(rows.T).reshape(d, d), atol=1e-12)
    assert torch.allclose(law.cov, back.cov, atol=1e-12)


def test_weighted_points():
    points = torch.tensor([[0.0], [1.0], [5.0]], dtype=torch.float64)
    weights = torch.tensor([0.5, 0.25, 0.25])
    law = fold(Statistics(), [PointCloud(points, weights)])
    assert float(law.mean) == pytest.approx(1.5)
    # Unbiased for weights of reliability: sum w (x - m)^2 / (1 - sum w^2).
    assert float(law.cov) == pytest.approx((0.5 * 2.25 + 0.25 * 0.25 + 0.25 * 12.25) / (1 - 0.375))


def test_too_few_and_not_finite():
    with pytest.raises(DataError, match="two samples") as caught:
        fold(Statistics(), [PointCloud(torch.zeros(1, 3))])
    assert caught.value.hint
    with pytest.raises(DataError, match="two samples"):
        fold(Statistics(), [PointCloud(torch.zeros(2, 3), torch.tensor([1.0, 0.0]))])
    with pytest.raises(DataError, match="finite"):
        Statistics().lift(PointCloud(torch.tensor([[float("nan")], [1.0]])))
    with pytest.raises(DataError, match="dimensions"):
        fold(Statistics(), [PointCloud(torch.zeros(3, 3)), PointCloud(torch.zeros(3, 2))])


def test_shrinkage_keeps_the_variance():
    cloud = PointCloud(torch.randn(9, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    plain = fold(Statistics(), [cloud]).cov
    for shrinkage in (0.3, 1.0, "oas"):
        cov = fold(Statistics(shrinkage=shrinkage), [cloud]).cov
        assert float(torch.trace(cov)) == pytest.approx(float(torch.trace(plain)))
    assert torch.allclose(fold(Statistics(shrinkage=1), [cloud]).cov, torch.eye(6).double() * torch.trace(plain) / 6)
    assert torch.equal(fold(Statistics(shrinkage=0), [cloud]).cov, plain)
    with pytest.raises(ValidationError):
        Statistics(shrinkage=1.1)


def test_automatic_shrinkage_helps_and_fades():
    truth = torch.diag(torch.tensor([1.0, 2.0, 3.0, 2.0, 1.0] * 4, dtype=torch.float64))
    g = torch.Generator().manual_seed(1)
    points = torch.randn(4000, 20, generator=g, dtype=torch.float64) @ truth.sqrt()
    few = PointCloud(points[:15])
    error = {s: float((fold(Statistics(shrinkage=s), [few]).cov - truth).norm()) for s in (0.0, "oas")}
    assert error["oas"] < 0.6 * error[0.0]
    assert oas_intensity(torch.cov(points.T), 4000) < 0.05
    assert oas_intensity(torch.eye(3).double(), 10) == 1.0


def test_the_state_can_be_stored():
    registry = Registry(allow=["gaussian"])
    state = Statistics().lift(PatchSet(image(0), 2))
    back = from_bytes(to_bytes(state, registry), registry)
    assert type(back) is type(state)
    assert torch.equal(back.scatter, state.scatter)
    assert torch.equal(Statistics().finish(back).cov, Statistics().finish(state).cov)
    assert type(Statistics().merge(state, back)) is type(state)
