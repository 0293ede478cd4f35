"""`transport.apply`: along the geodesic, with noise that the run's seed decides."""

from __future__ import annotations

import pytest
import torch

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.parts.transport import Apply
from otframe.ports import signature, unify
from otframe.values import AffineMap, Image, Latent, PatchSet, PointCloud, SolveInfo, Transport


def shear(noise=None):
    A = torch.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=torch.float64)
    return AffineMap(1.0, SolveInfo(), A, torch.tensor([1.0, -1.0]).double(), noise)


def test_ports_give_back_the_kind_that_came():
    found = signature(Apply, "__call__")
    assert found.takes_ctx
    for kind in (PatchSet[Latent], PatchSet[Image], PointCloud):
        assert unify(found.port("samples").hint, kind, {})[found.output] == kind
    assert unify(found.port("samples").hint, Image, {}) is None


def test_points_move_along_the_geodesic():
    cloud = PointCloud(torch.randn(5, 2, dtype=torch.float64), torch.full((5,), 0.2))
    map = shear()
    for t in (0.0, 0.3, 1.0):
        moved = Apply(t=t)(cloud, map, ctx=Context())
        assert torch.allclose(moved.points, (1 - t) * cloud.points + t * map(cloud.points))
        assert torch.allclose(moved.points, map.displace(cloud.points, t))
        assert moved.weights is cloud.weights


def test_patches_stay_a_view():
    field = Latent(torch.randn(2, 6, 7, dtype=torch.float64), 8, (48, 56))
    moved = Apply(t=0.25)(PatchSet(field, 1), shear(), ctx=Context())
    assert moved.moved is None
    assert moved.map is not None
    wanted = torch.lerp(PatchSet(field, 1).rows(), shear()(PatchSet(field, 1).rows()), 0.25)
    assert torch.allclose(moved.rows(), wanted)


def test_noise_comes_from_the_run_and_has_the_covariance():
    noise = torch.tensor([[0.5, 0.2], [0.2, 0.1]], dtype=torch.float64)
    cloud = PointCloud(torch.zeros(40000, 2, dtype=torch.float64))
    context = {"seed": 3, "node": "moved", "key": "a"}
    first = Apply()(cloud, shear(noise), ctx=Context(**context)).points
    assert torch.equal(first, Apply()(cloud, shear(noise), ctx=Context(**context)).points)
    assert not torch.equal(first, Apply()(cloud, shear(noise), ctx=Context(**{**context, "key": "b"})).points)
    assert torch.allclose(torch.cov(first.T), noise, atol=0.015)
    half = Apply(t=0.5)(cloud, shear(noise), ctx=Context(**context)).points
    assert torch.allclose(torch.cov(half.T), noise / 4, atol=0.005)


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match="takes points") as caught:
        Apply()(PointCloud(torch.zeros(3, 4)), shear(), ctx=Context())
    assert caught.value.hint
    with pytest.raises(DataError, match="not a map"):
        Apply()(PointCloud(torch.zeros(3, 4)), Transport(0.0, SolveInfo()), ctx=Context())
    with pytest.raises(DataError, match="composed"):
        shear().after(AffineMap(0.0, SolveInfo(), torch.eye(3), torch.zeros(3)))
    with pytest.raises(DataError, match="affine map"):
        AffineMap(0.0, SolveInfo(), torch.eye(3), torch.zeros(2))
