"""Colour maps on arrays: every depth, equal to the path over images."""

import numpy as np
import pytest
import torch
from otframe_color.apply import recolored
from otframe_color.arrays import map_between, recolored_array
from otframe_color.cloud_value import ColorCloud
from otframe_color.maps import FittedMap

from otframe import component
from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.values import AffineMap, Image, SolveInfo

RNG = np.random.default_rng(0)
MATRIX = torch.eye(3, dtype=torch.float64) * 0.8 + 0.05
LOOKS = {
    "srgb": FittedMap(AffineMap(0.0, SolveInfo(), MATRIX, torch.full((3,), 0.05, dtype=torch.float64)), "srgb"),
    "oklab": FittedMap(AffineMap(0.0, SolveInfo(), MATRIX, torch.full((3,), 0.02, dtype=torch.float64)), "oklab"),
    "log": FittedMap(AffineMap(0.0, SolveInfo(), MATRIX, torch.full((3,), 0.02, dtype=torch.float64)), "log"),
}
STEP = {"uint8": 1 / 255, "uint16": 1 / 65535, "float16": 1e-3, "float32": 1e-6, "float64": 1e-6}


def pixels(dtype, shape=(37, 53, 3)):
    values = RNG.random(shape)
    if dtype.startswith("uint"):
        return (values * np.iinfo(dtype).max).round().astype(dtype)
    return values.astype(dtype)


def scaled(array):
    return array / np.iinfo(array.dtype).max if array.dtype.kind == "u" else array.astype(np.float64)


@pytest.mark.parametrize("dtype", STEP)
@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.parametrize("coding", ["srgb", "linear"])
def test_arrays_come_out_as_images_do(dtype, name, coding):
    array = pixels(dtype)
    made = recolored_array(LOOKS[name], array, coding=coding)
    assert made.dtype == array.dtype
    image = Image.from_numpy(array, space="linear" if coding == "linear" else None)
    wanted = recolored(LOOKS[name], image).numpy()
    if dtype.startswith("uint"):
        wanted = wanted.clip(0, 1)
    assert np.abs(scaled(made) - wanted).max() <= 0.51 * STEP[dtype] + 5e-6


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_alpha_is_kept_and_the_array_may_be_overwritten(dtype):
    array = pixels(dtype, (16, 20, 4))
    before = array.copy()
    made = recolored_array(LOOKS["srgb"], array)
    assert np.array_equal(array, before)
    assert np.array_equal(made[..., 3], array[..., 3])
    assert recolored_array(LOOKS["srgb"], array, out=array) is array
    assert np.array_equal(array, made)


def test_what_is_no_image_is_told():
    look = LOOKS["srgb"]
    with pytest.raises(DataError, match=r"got \(4, 5\)"):
        recolored_array(look, np.zeros((4, 5)))
    with pytest.raises(DataError, match="got int64"):
        recolored_array(look, np.zeros((4, 5, 3), int))
    with pytest.raises(DataError, match="NaN"):
        recolored_array(look, np.full((4, 5, 3), np.nan))
    with pytest.raises(DataError, match="`out`"):
        recolored_array(look, np.zeros((4, 5, 3)), out=np.zeros((4, 5, 3), np.float32))
    with pytest.raises(DataError, match="coded as"):
        recolored_array(look, np.zeros((4, 5, 3)), coding="lab")


def test_depths_may_differ_between_source_and_reference():
    solver = component("gaussian.transport")
    source, reference = pixels("uint8"), (RNG.random((20, 30, 3)) * 0.4 + 0.3).astype(np.float32)
    deep = (reference * 65535).round().astype(np.uint16)
    for wanted in (reference, deep):
        fitted = map_between(source, wanted, solver=solver)
        moved = scaled(recolored_array(fitted, source))
        assert np.allclose(moved.mean((0, 1)), reference.mean((0, 1)), atol=2e-3)
        assert np.allclose(moved.std((0, 1)), reference.std((0, 1)), atol=2e-3)


def test_several_references_count_by_their_pixels():
    dark, bright = np.zeros((300, 400, 3), np.uint8), np.full((100, 400, 3), 255, np.uint8)
    source = pixels("uint8")
    for samples in (2000, 500_000):  # a sample, and every pixel
        fitted = map_between(source, [dark, bright], solver=component("color.reinhard"), samples=samples)
        moved = fitted(torch.from_numpy(scaled(source).reshape(-1, 3)))
        assert float(moved.mean()) == pytest.approx(0.25, abs=2e-3)
    with pytest.raises(DataError, match="the reference is empty"):
        map_between(source, [], solver=component("color.reinhard"))


def test_arrays_and_components_fit_the_same_map():
    source, reference = pixels("uint8"), pixels("uint8", (20, 20, 3)) // 2
    fitted = map_between(source, reference, solver=component("gaussian.transport"))
    clouds = [ColorCloud(torch.from_numpy(scaled(each).reshape(-1, 3))) for each in (source, reference)]
    wanted = component("color.transfer", solver={"use": "gaussian.transport"})(*clouds, ctx=Context())
    assert torch.allclose(fitted.transport.A, wanted.transport.A, atol=1e-5)
    assert torch.allclose(fitted.transport.b, wanted.transport.b, atol=1e-5)


def test_sheets_have_the_palette_and_the_colors_of_the_image(tmp_path, monkeypatch):
    from otframe.io import sheet_file
    from otframe.io.image_file import read_image
    from otframe.io.write import write

    monkeypatch.setattr(sheet_file, "_PIXELS", 1)
    array = pixels("uint16", (200, 90, 3))
    write(Image.from_numpy(array), tmp_path / "a.tif")
    sheet, image = sheet_file.sheet_of(tmp_path / "a.tif"), read_image(tmp_path / "a.tif")
    for options in ({"bits": 4}, {"samples": 200_000}):
        cloud = component("color.cloud", **options)
        found, wanted = (cloud.finish(cloud.lift(each, ctx=Context())) for each in (sheet, image))
        assert found.count == wanted.count
        assert torch.allclose(found.points.mean(0), wanted.points.mean(0), atol=1e-6)
    with pytest.raises(DataError, match="counts by its pixels"):
        component("color.cloud", balance="images").lift(sheet, ctx=Context())
    write(component("color.apply")(sheet, LOOKS["oklab"]), tmp_path / "b.tif")
    wanted = recolored(LOOKS["oklab"], image).pixels.clamp(0, 1)
    assert torch.allclose(read_image(tmp_path / "b.tif").pixels, wanted, atol=0.51 / 65535)


def test_colors_are_drawn_of_what_can_be_seen():
    cut = np.zeros((500, 700, 4), np.uint8)
    cut[..., :3] = 255
    cut[10:15, 20:30] = (40, 80, 120, 255)
    fitted = map_between(pixels("uint8"), cut, solver=component("color.reinhard"), samples=1000)
    moved = fitted(torch.rand(50, 3, dtype=torch.float64))
    assert torch.allclose(moved, torch.as_tensor([40, 80, 120]).double().div(255).expand(50, 3), atol=1e-6)
    with pytest.raises(DataError, match="all of the reference is transparent"):
        map_between(pixels("uint8"), cut[20:], solver=component("color.reinhard"))


@pytest.mark.parametrize("name", LOOKS)
def test_half_precision_images_are_moved_in_single(name):
    image = Image(torch.rand(3, 9, 9, generator=torch.Generator().manual_seed(0)).half())
    made = recolored(LOOKS[name], image)
    wanted = recolored(LOOKS[name], Image(image.pixels.float()))
    assert made.pixels.dtype == torch.float16
    assert torch.allclose(made.pixels.float(), wanted.pixels, atol=1e-3)
