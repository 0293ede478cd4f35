"""Sheets: what is read, edited and written in strips is what would be read whole."""

from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import OpenImageIO as oiio  # noqa: N813
import pytest
import torch

from otframe.errors import DataError, ImageReadError, InputError, OtframeError, OutputError
from otframe.io import sheet_file
from otframe.io.image_file import read_image
from otframe.io.opening import open_source
from otframe.io.sheet_file import sheet_of, strips
from otframe.io.write import write
from otframe.registry import Registry
from otframe.values import Image, PixelEdit, Sheet

REGISTRY = Registry.installed()


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    """Strips of 64 rows, so that small files have several."""
    monkeypatch.setattr(sheet_file, "_PIXELS", 1)


def made(depth="uint16", channels=3, alpha=False, height=201, width=77):
    rng = torch.Generator().manual_seed(0)
    pixels = torch.rand(channels, height, width, generator=rng)
    straight = torch.rand(height, width, generator=rng) if alpha else None
    meta = MappingProxyType({"depth": depth, "density": (300.0, 300.0)})
    return Image(pixels, straight, "gray" if channels == 1 else "srgb", meta)


def stored(path, pixels, depth, tile=0, x=0, y=0):
    """A file by the library alone, in tiles or rows, anywhere on its canvas."""
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], depth)
    spec.x, spec.y, spec.tile_width, spec.tile_height = x, y, tile, tile
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    output.write_image(pixels)
    output.close()


@dataclass(frozen=True, eq=False)
class Halved(PixelEdit):
    factor: float = 0.5

    def __call__(self, image):
        return image.with_grid(image.pixels * self.factor)


@dataclass(frozen=True, eq=False)
class Cropped(PixelEdit):
    def __call__(self, image):
        return Image(image.pixels[:, 1:])


@pytest.mark.parametrize("suffix", [".png", ".tif", ".exr"])
@pytest.mark.parametrize("depth", ["uint8", "uint16", "half", "float"])
@pytest.mark.parametrize(("channels", "alpha"), [(3, False), (3, True), (1, False), (1, True)])
def test_in_strips_as_in_one(tmp_path, suffix, depth, channels, alpha):
    whole = tmp_path / f"whole{suffix}"
    write(made(depth, channels, alpha), whole, REGISTRY)
    sheet = sheet_of(whole)
    image = read_image(whole)
    parts = list(strips(sheet))
    assert len(parts) == 4
    assert torch.equal(torch.cat([part.pixels for part in parts], 1), image.pixels)
    assert (sheet.size, sheet.channels, sheet.alpha) == (image.size, image.channels, image.alpha is not None)
    assert sheet.space == image.space
    assert dict(sheet.meta) == dict(image.meta)
    again = tmp_path / f"again{suffix}"
    write(sheet, again, REGISTRY)
    copy = read_image(again)
    assert torch.equal(copy.pixels, image.pixels)
    assert {k: v for k, v in copy.meta.items() if k != "stem"} == {k: v for k, v in image.meta.items() if k != "stem"}
    if alpha:
        assert torch.equal(copy.alpha, image.alpha)


def test_edits_are_done_in_order_and_losses_are_told(tmp_path):
    path = tmp_path / "a.tif"
    write(made(), path, REGISTRY)
    sheet = sheet_of(path).edited(Halved()).edited(Halved(3.0))
    told = write(sheet, tmp_path / "b.tif", REGISTRY)
    wanted = (read_image(path).pixels * 0.5 * 3.0).clamp(0, 1)
    assert torch.allclose(read_image(tmp_path / "b.tif").pixels, wanted, atol=0.51 / 65535)
    outside = int((np.rint(read_image(path).pixels.numpy() * 0.5 * 3 * 65535) > 65535).sum())
    assert told.notes == (f"{outside} of {3 * 201 * 77} values were outside [0, 1] and were clipped",)
    with pytest.raises(DataError, match="an edit keeps the size"):
        write(sheet_of(path).edited(Cropped()), tmp_path / "c.tif", REGISTRY)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.tif", "b.tif"]


def test_tiles_are_read_too(tmp_path):
    path = tmp_path / "tiled.tif"
    stored(path, np.random.default_rng(0).integers(0, 65536, (150, 90, 3)).astype(np.uint16), "uint16", tile=32)
    joined = torch.cat([part.pixels for part in strips(sheet_of(path))], 1)
    assert torch.equal(joined, read_image(path).pixels)


def test_files_and_folders_by_scheme(tmp_path):
    for name in ("a.png", "b.tif"):
        write(made(), tmp_path / name, REGISTRY)
    source = open_source(f"strips:{tmp_path}", REGISTRY, Sheet)
    assert source.keys() == ("a", "b")
    assert source.load("a").width == 77
    assert source.digest("a") != source.digest("b")
    assert open_source(f"strips:{tmp_path}/a.png", REGISTRY, Sheet).keys() == ("a",)
    with pytest.raises(InputError, match="no file or folder"):
        open_source(f"strips:{tmp_path}/c.png", REGISTRY, Sheet)
    with pytest.raises(InputError, match="strips: and a path"):
        open_source("strips:", REGISTRY, Sheet)
    with pytest.raises(OtframeError):
        open_source(f"strips:{tmp_path}", REGISTRY, Image)


def test_what_cannot_be_read_in_strips_is_told(tmp_path):
    write(made("uint8"), tmp_path / "a.webp", REGISTRY)
    with pytest.raises(ImageReadError, match="cannot be read in strips"):
        sheet_of(tmp_path / "a.webp")
    path = tmp_path / "turned.jpg"
    spec = oiio.ImageSpec(20, 10, 3, "uint8")
    spec.attribute("Orientation", 6)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    output.write_image(np.zeros((10, 20, 3), np.uint8))
    output.close()
    with pytest.raises(ImageReadError, match="stored turned"):
        sheet_of(path)
    write(made(), tmp_path / "b.png", REGISTRY)
    sheet = sheet_of(tmp_path / "b.png")
    with pytest.raises(OutputError, match="cannot be written as jpeg"):
        write(sheet, tmp_path / "c.jpg", REGISTRY)
    data = (tmp_path / "b.png").read_bytes()
    (tmp_path / "b.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageReadError, match="cut short"):
        sheet_of(tmp_path / "b.png")
    with pytest.raises(ImageReadError, match="has changed"):
        next(strips(sheet))


def test_damage_in_the_middle_leaves_no_file(tmp_path):
    path = tmp_path / "a.tif"
    write(made("float"), path, REGISTRY)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(bytes(data))
    sheet = sheet_of(path)
    with pytest.raises(ImageReadError, match="damaged between rows|NaN"):
        write(sheet, tmp_path / "b.tif", REGISTRY)
    assert [file.name for file in tmp_path.iterdir()] == ["a.tif"]


def test_a_sheet_is_kept_like_any_value(tmp_path):
    from otframe.values.codec import from_bytes, to_bytes

    write(made(), tmp_path / "a.png", REGISTRY)
    sheet = sheet_of(tmp_path / "a.png")
    back = from_bytes(to_bytes(sheet, REGISTRY), REGISTRY)
    assert (back.path, back.digest, back.size, dict(back.meta)) == (
        sheet.path,
        sheet.digest,
        sheet.size,
        dict(sheet.meta),
    )
    with pytest.raises(DataError, match="of the kind PixelEdit"):
        replace(sheet, edits=("no edit",))


@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize(("x", "y"), [(0, 100), (30, 70), (-20, -40)])
def test_an_image_may_lie_anywhere_on_its_canvas(tmp_path, tiled, x, y):
    path = tmp_path / "moved.exr"
    pixels = np.random.default_rng(0).random((150, 90, 3)).astype(np.float32)
    stored(path, pixels, "float", tile=32 if tiled else 0, x=x, y=y)
    joined = torch.cat([part.pixels for part in strips(sheet_of(path))], 1)
    assert torch.equal(joined, read_image(path).pixels)


def test_a_file_of_several_images_is_refused(tmp_path):
    path = tmp_path / "pages.tif"
    spec = oiio.ImageSpec(20, 10, 3, "uint8")
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), (spec, spec))
    output.write_image(np.zeros((10, 20, 3), np.uint8))
    assert output.open(str(path), spec, "AppendSubimage")
    output.write_image(np.zeros((10, 20, 3), np.uint8))
    output.close()
    with pytest.raises(ImageReadError, match="several images"):
        read_image(path)
    with pytest.raises(ImageReadError, match="several images"):
        sheet_of(path)
