"""Colour maps: any solver, any space, any image."""

from types import MappingProxyType

import numpy as np
import ot
import pytest
import torch
from otframe_color.apply import recolored
from otframe_color.cloud_value import ColorCloud
from otframe_color.maps import FittedMap
from otframe_color.spaces import SPACES, converted
from otframe_color.tabulate import tabulated

from otframe import component
from otframe.errors import DataError, ParameterError
from otframe.interfaces import Context, Solver
from otframe.parts.solving import mean_between, transport_between
from otframe.values import AffineMap, Density, GaussianLaw, Image, PointCloud, SolveInfo, Transport

SOLVERS = {
    "sliced.transport": {},
    "gaussian.transport": {},
    "color.reinhard": {},
    "sinkhorn.points": {"blur": 0.05},
    "exact.network": {},
}


def cloud(seed, n=400, space="srgb", centre=0.5, spread=0.1):
    rng = torch.Generator().manual_seed(seed)
    basis = torch.randn(3, 3, generator=rng, dtype=torch.float64)
    points = centre + spread * torch.randn(n, 3, generator=rng, dtype=torch.float64) @ basis / 2
    return ColorCloud(points.clamp(0, 1), None, space)


def transfer(source, target, name="gaussian.transport", options=None, **more):
    made = component("color.transfer", solver={"use": name, "with": options or {}}, **more)
    return made(source, target, ctx=Context())


def sliced(a, b):
    return float(component("sliced.distance")(a, b, ctx=Context()).distance)


@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_brings_the_palette_nearer(name):
    pytest.importorskip(f"otframe_{name.partition('.')[0]}")
    source, target = cloud(0, centre=0.4), cloud(1, centre=0.6)
    fitted = transfer(source, target, name, SOLVERS[name])
    moved = ColorCloud(fitted(source.points))
    left = {"gaussian.transport": 0.3, "color.reinhard": 0.35}.get(name, 0.15)
    assert sliced(moved, target) < left * sliced(source, target)
    anywhere = fitted(torch.rand(500, 3, dtype=torch.float64) * 3 - 1)
    assert bool(torch.isfinite(anywhere).all())


@pytest.mark.parametrize("space", SPACES)
def test_the_gaussian_map_carries_the_moments_in_each_space(space):
    source, target = cloud(0, 4000, space), cloud(1, 4000, space)
    fitted = transfer(source, target)
    moved = fitted.within(source.points)
    assert torch.allclose(moved.mean(0), target.points.mean(0), atol=1e-8)
    assert torch.allclose(moved.T.cov(), target.points.T.cov(), atol=1e-8)


def test_reinhard_carries_means_and_spreads():
    source, target = cloud(0, 900), cloud(1, 700)
    moved = transfer(source, target, "color.reinhard")(source.points)
    assert torch.allclose(moved.mean(0), target.points.mean(0))
    assert torch.allclose(moved.std(0), target.points.std(0))
    # between laws whose coordinates are independent it is the Gaussian map
    law = ot.gaussian.bures_wasserstein_mapping(
        source.points.mean(0).numpy(),
        target.points.mean(0).numpy(),
        np.diag(source.points.var(0).numpy()),
        np.diag(target.points.var(0).numpy()),
    )
    assert np.allclose(moved.numpy(), source.points.numpy() @ law[0] + law[1], atol=1e-9)


def test_strength_goes_part_of_the_way_in_the_working_space():
    source, target = cloud(0, space="oklab"), cloud(1, space="oklab")
    whole, third = transfer(source, target), transfer(source, target, strength=0.3)
    points = source.points
    assert torch.allclose(third.within(points), points + 0.3 * (whole.within(points) - points))
    assert torch.equal(transfer(source, target, strength=0.0)(points), points)
    assert torch.equal(whole.with_strength(0.3).within(points), third.within(points))


@pytest.mark.parametrize("name", ["sliced.transport", "gaussian.transport", "exact.network"])
@pytest.mark.parametrize(("axes", "kept"), [("chroma", [0]), ("lightness", [1, 2])])
def test_one_may_move_chroma_or_lightness_alone(name, axes, kept):
    pytest.importorskip(f"otframe_{name.partition('.')[0]}")
    source, target = cloud(0, space="lab"), cloud(1, space="lab", centre=0.3)
    fitted = transfer(source, target, name, axes=axes)
    moved = fitted.within(source.points)
    assert torch.equal(moved[:, kept], source.points[:, kept])
    others = [k for k in range(3) if k not in kept]
    left = (moved.mean(0) - target.points.mean(0))[others].abs().max()
    assert float(left) < 0.02
    image = Image(torch.rand(3, 6, 7, generator=torch.Generator().manual_seed(2)))
    before, after = (converted(one.pixels.movedim(0, -1), "srgb", "lab") for one in (image, recolored(fitted, image)))
    assert torch.allclose(before[..., kept], after[..., kept], atol=1e-4)


def test_what_does_not_fit_is_told():
    with pytest.raises(DataError, match="one working space, got 'srgb' and 'lab'"):
        transfer(cloud(0), cloud(1, space="lab"))
    with pytest.raises(ParameterError, match="needs a space that has lightness"):
        transfer(cloud(0), cloud(1), axes="chroma")
    with pytest.raises(ParameterError, match="wanted a solver"):
        transfer(cloud(0), cloud(1), "sliced.barycenter")
    with pytest.raises(DataError, match="strength"):
        FittedMap(AffineMap(0.0, SolveInfo(), torch.eye(3), torch.zeros(3)), "srgb", 1.5)
    with pytest.raises(DataError, match="got a GaussianLaw"):
        FittedMap(GaussianLaw(torch.zeros(3), torch.eye(3)), "srgb")
    with pytest.raises(DataError, match=r"points \(n, 3\)"):
        ColorCloud(torch.zeros(4, 2))


class OfDensities(Solver):
    def solve(self, source: Density, target: Density) -> Transport:
        raise AssertionError("not called")


def test_a_solver_of_other_things_is_refused_by_name():
    with pytest.raises(ParameterError, match=r"port 'source' takes Density"):
        transport_between(OfDensities(), cloud(0), cloud(1), Context())
    with pytest.raises(ParameterError, match="barycentre of a sequence"):
        mean_between(OfDensities(), [cloud(0)], Context())


def test_a_table_of_scattered_moves_is_smooth_and_near():
    rng = torch.Generator().manual_seed(0)
    points = torch.rand(3000, 3, generator=rng, dtype=torch.float64)
    matrix = torch.eye(3, dtype=torch.float64) * 0.7
    plan = component("exact.network").solve(PointCloud(points[:500]), PointCloud(points[:500] @ matrix + 0.1))
    table = tabulated(plan, points[:500], None, 17)
    error = table(points) - (points @ matrix + 0.1)
    assert float(error.square().mean().sqrt()) < 0.02
    # far outside of what was seen it still moves by what is next to it
    far = torch.as_tensor([[5.0, 5.0, 5.0]], dtype=torch.float64)
    assert float((table(far) - far).abs().max()) < 0.3


def test_tables_hold_in_one_and_two_dimensions_and_for_one_point():
    for dim in (1, 2, 3):
        points = torch.full((1, dim), 0.4, dtype=torch.float64)
        plan = component("exact.network").solve(PointCloud(points), PointCloud(points + 0.2))
        table = tabulated(plan, points, None, 5)
        assert torch.allclose(table(points + 0.1), points + 0.3)


def test_a_smooth_map_moves_like_colors_alike():
    source, target = cloud(0, 3000, centre=0.4), cloud(1, 3000, centre=0.6)
    rough, smooth = (transfer(source, target, "sliced.transport", smooth=sigma) for sigma in (0.0, 0.1))
    pairs = source.points, source.points + 0.002
    spread = [float(((fitted(pairs[1]) - fitted(pairs[0])) - 0.002).std()) for fitted in (rough, smooth)]
    assert spread[1] < 0.6 * spread[0]
    # the mean displacement stays, and a table of one displacement stays as it is
    assert torch.allclose(smooth(source.points).mean(0), rough(source.points).mean(0), atol=0.03)
    shift = transfer(source, ColorCloud(source.points + 0.1), "sliced.transport", smooth=0.1)
    assert float((shift(source.points) - source.points - 0.1).std()) < 2e-3
    assert torch.allclose(shift.transport.images, shift(shift.transport.points), atol=1e-6)
    affine = transfer(source, target, smooth=0.1)
    assert torch.equal(affine(source.points), transfer(source, target)(source.points))


def test_applying_keeps_what_is_not_color():
    fitted = transfer(cloud(0), cloud(1))
    meta = MappingProxyType({"stem": "a", "depth": "uint16", "icc": b"profile"})
    alpha = torch.rand(5, 7)
    image = Image(torch.rand(3, 5, 7), alpha, "srgb", meta)
    made = component("color.apply")(image, fitted)
    assert made.alpha is alpha
    assert made.meta == meta
    assert made.space == "srgb"
    assert torch.allclose(made.pixels.flatten(1).T, fitted(image.pixels.flatten(1).T))


def test_light_is_moved_as_the_same_colors_coded():
    fitted = transfer(cloud(0), cloud(1))
    coded = Image(torch.rand(3, 5, 7))
    light = component("image.convert", space="linear")(coded)
    made = recolored(fitted, light)
    assert made.space == "linear"
    back = component("image.convert", space="srgb")(made)
    assert torch.allclose(back.pixels, recolored(fitted, coded).pixels, atol=1e-5)
    bright = Image(torch.rand(3, 5, 7) * 40, space="linear")
    assert bool(torch.isfinite(recolored(fitted, bright).pixels).all())
    logarithmic = transfer(cloud(0, space="log"), cloud(1, space="log", centre=0.55), "sliced.transport")
    assert logarithmic.coding == "linear"
    lifted = recolored(logarithmic, bright)
    assert float(lifted.pixels.max()) > 40  # a step in stops scales light, however bright


def test_grey_becomes_a_color():
    fitted = transfer(cloud(0), cloud(1))
    grey = Image(torch.rand(1, 4, 4), space="gray", meta=MappingProxyType({"icc": b"grey", "depth": "uint8"}))
    made = recolored(fitted, grey)
    assert made.channels == 3
    assert made.space == "srgb"
    assert dict(made.meta) == {"depth": "uint8"}


def test_exchange_goes_both_ways():
    a, b = cloud(0, centre=0.35), cloud(1, centre=0.65)
    maps = component("color.exchange", solver={"use": "sliced.transport"})(a, b, ctx=Context())
    start = sliced(a, b)
    assert sliced(ColorCloud(maps.forward(a.points)), b) < 0.1 * start
    assert sliced(ColorCloud(maps.backward(b.points)), a) < 0.1 * start
    half = component("color.exchange", solver={"use": "gaussian.transport"}, strength=0.5)(a, b, ctx=Context())
    met = half.forward(a.points).mean(0), half.backward(b.points).mean(0)
    assert torch.allclose(*met, atol=1e-9)


@pytest.mark.parametrize("name", ["sliced.barycenter", "gaussian.barycenter", "color.middle"])
def test_the_common_palette_is_in_the_middle(name):
    clouds = {
        key: cloud(k, 300, centre=centre) for k, (key, centre) in enumerate({"a": 0.3, "b": 0.5, "c": 0.7}.items())
    }
    common = component("color.harmonize", solver={"use": name})(clouds, ctx=Context())
    wanted = torch.stack([each.points.mean(0) for each in clouds.values()]).mean(0)
    assert common.space == "srgb"
    assert torch.allclose(common.points.double().mean(0), wanted, atol=2e-3)
    for each in clouds.values():
        moved = transfer(each, common, "sliced.transport")(each.points)
        assert sliced(ColorCloud(moved), common) < 0.15 * max(sliced(each, common), 0.05)


def test_a_weight_of_one_makes_an_image_the_reference():
    clouds = {"a": cloud(0, 300), "b": cloud(1, 300)}
    made = component("color.harmonize", solver={"use": "sliced.barycenter"}, weights={"a": 0.0, "b": 1.0})
    assert sliced(made(clouds, ctx=Context()), clouds["b"]) < 2e-3
    wrong = component("color.harmonize", solver={"use": "sliced.barycenter"}, weights={"z": 1.0})
    with pytest.raises(DataError, match="no image named z"):
        wrong(clouds, ctx=Context())
    none = component("color.harmonize", solver={"use": "sliced.barycenter"}, weights={"a": 0.0, "b": 0.0})
    with pytest.raises(DataError, match="all images are zero"):
        none(clouds, ctx=Context())
    with pytest.raises(DataError, match="one working space, got lab, srgb"):
        made({"a": cloud(0), "b": cloud(1, space="lab")}, ctx=Context())


@pytest.mark.parametrize("name", SOLVERS)
def test_hostile_palettes_have_a_map_or_a_typed_error(name):
    pytest.importorskip(f"otframe_{name.partition('.')[0]}")
    one, flat = ColorCloud(torch.full((1, 3), 0.2)), ColorCloud(torch.full((50, 3), 0.6))
    line = ColorCloud(torch.linspace(0, 1, 60)[:, None].expand(-1, 3).contiguous())
    full = ColorCloud(cloud(0, 60).points.float())
    for source in (one, flat, line, full):
        for target in (one, flat, line, full):
            fitted = transfer(source, target, name, SOLVERS[name])
            moved = fitted(torch.cat([source.points, torch.rand(20, 3)]))
            assert bool(torch.isfinite(moved).all())
            if target.count == 1 or target is flat:
                assert torch.allclose(moved[: source.count], target.points[:1].expand(source.count, 3), atol=0.02)
