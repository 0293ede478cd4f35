from __future__ import annotations

import numpy as np
import pytest

from otframe.errors import ImageReadError
from otframe.io.image_file import read_image

rng = np.random.default_rng(0)


def integers(shape, dtype=np.uint8):
    return rng.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_all_8_bit_values_are_exact(tmp_path, store, suffix):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = read_image(store(tmp_path / f"a{suffix}", levels))
    assert (image.pixels[0].numpy() == levels.astype(np.float32) / np.float32(255)).all()
    assert image.space == "gray"
    assert image.meta["depth"] == "uint8"
    assert image.meta["stem"] == "a"
    assert image.meta["suffix"] == suffix


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_all_16_bit_values_are_exact(tmp_path, store, suffix):
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    image = read_image(store(tmp_path / f"a{suffix}", levels))
    assert (image.pixels[0].numpy() == levels.astype(np.float32) / np.float32(65535)).all()
    assert image.meta["depth"] == "uint16"


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_alpha_is_straight_and_keeps_colour_under_transparency(tmp_path, store, channels, suffix):
    samples = integers((9, 7, channels))
    samples[:4, :, -1] = 0
    image = read_image(store(tmp_path / f"a{suffix}", samples))
    assert (image.numpy() == samples.astype(np.float32) / np.float32(255)).all()
    assert (image.alpha is not None) == (channels in (2, 4))
    assert image.channels == (3 if channels > 2 else 1)
    assert image.space == ("srgb" if channels > 2 else "gray")


def test_webp_alpha_is_straight(tmp_path):
    pil = pytest.importorskip("PIL.Image")
    samples = integers((9, 7, 4))
    samples[:4, :, 3] = 0
    pil.fromarray(samples).save(tmp_path / "a.webp", lossless=True, exact=True)
    assert (read_image(tmp_path / "a.webp").numpy() == samples.astype(np.float32) / np.float32(255)).all()


@pytest.mark.parametrize(("kind", "dtype"), [("half", np.float16), ("float", np.float32)])
def test_exr_is_linear_and_may_exceed_one(tmp_path, store, kind, dtype):
    samples = (rng.random((5, 6, 3)) * 8 - 1).astype(dtype)
    image = read_image(store(tmp_path / "a.exr", samples, kind))
    assert (image.numpy() == samples.astype(np.float32)).all()
    assert (image.space, image.meta["depth"]) == ("linear", kind)


def test_exr_alpha_is_divided_out(tmp_path, store):
    samples = np.array([[[0.25, 0.5, 0.0, 0.5], [0.1, 0.0, 0.0, 0.0]]], np.float32)
    image = read_image(store(tmp_path / "a.exr", samples, "float"))
    assert image.pixels[:, 0, 0].tolist() == [0.5, 1.0, 0.0]
    assert image.pixels[0, 0, 1] == np.float32(0.1)  # light of its own, where nothing can be divided by


def test_exr_alpha_too_small_to_divide_by(tmp_path, store):
    samples = np.array([[[1e10, 0.0, 0.0, 1e-35]]], np.float32)
    with pytest.raises(ImageReadError, match="too large for their alpha"):
        read_image(store(tmp_path / "a.exr", samples, "float"))


def test_float_tiff(tmp_path, store):
    samples = rng.random((5, 6, 3)).astype(np.float32)
    image = read_image(store(tmp_path / "a.tif", samples))
    assert (image.numpy() == samples).all()
    assert (image.space, image.meta["depth"]) == ("srgb", "float")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("suffix", [".exr", ".tif"])
def test_not_finite_values_are_counted(tmp_path, store, bad, suffix):
    samples = np.zeros((5, 6, 3), np.float32)
    samples[1, 2, 0] = samples[3, 3, 1] = bad
    with pytest.raises(ImageReadError, match="2 values that are NaN or infinite, of 90"):
        read_image(store(tmp_path / f"a{suffix}", samples))


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".exr", ".webp", ".bmp"])
def test_tiny_images(tmp_path, store, size, suffix):
    samples = np.full((*size, 3), 128, np.uint8)
    image = read_image(store(tmp_path / f"a{suffix}", samples, "half" if suffix == ".exr" else None))
    assert image.size == size


def test_palettes_and_bits(tmp_path):
    pil = pytest.importorskip("PIL.Image")
    palette = pil.fromarray(integers((16, 16, 3))).quantize(16)
    palette.save(tmp_path / "palette.png")
    wanted = np.asarray(palette.convert("RGB"), np.float32) / np.float32(255)
    assert (read_image(tmp_path / "palette.png").numpy() == wanted).all()
    palette.save(tmp_path / "clear.png", transparency=3)
    clear = read_image(tmp_path / "clear.png")
    assert set(clear.alpha.unique().tolist()) == {0.0, 1.0}
    bits = pil.fromarray(integers((9, 9)) > 127)
    for name in ("bits.png", "bits.tif"):
        bits.save(tmp_path / name)
        assert (read_image(tmp_path / name).pixels[0].numpy() == np.asarray(bits, np.float32)).all()


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_is_refused(tmp_path, suffix):
    pil = pytest.importorskip("PIL.Image")
    pil.fromarray(integers((8, 8, 4)), "CMYK").save(tmp_path / f"a{suffix}")
    with pytest.raises(ImageReadError, match="CMYK") as caught:
        read_image(tmp_path / f"a{suffix}")
    assert "RGB" in caught.value.hint


# the eight cases of EXIF tag 274, each as the turn that makes the stored picture upright
_TURNS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.transpose(a, (1, 0, 2)),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(np.transpose(a, (1, 0, 2)), 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
def test_orientation_is_applied(tmp_path, orientation, suffix):
    pil = pytest.importorskip("PIL.Image")
    samples = np.kron(integers((2, 3, 3)), np.ones((16, 16, 1), np.uint8))
    exif = pil.Exif()
    exif[274] = orientation
    lossless = (
        {"lossless": True} if suffix == ".webp" else {"quality": 100, "subsampling": 0} if suffix == ".jpg" else {}
    )
    pil.fromarray(samples).save(tmp_path / f"a{suffix}", exif=exif, **lossless)
    image = read_image(tmp_path / f"a{suffix}")
    wanted = _TURNS[orientation](samples).astype(np.float32) / 255
    assert image.numpy().shape == wanted.shape
    assert np.abs(image.numpy() - wanted).max() <= (0.03 if suffix == ".jpg" else 0)
    assert "orientation" not in {name.lower() for name in image.meta}


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_profile_and_density_are_kept(tmp_path, suffix):
    pil = pytest.importorskip("PIL.Image")
    cms = pytest.importorskip("PIL.ImageCms")
    icc = cms.ImageCmsProfile(cms.createProfile("sRGB")).tobytes()
    pil.fromarray(integers((8, 8, 3))).save(tmp_path / f"a{suffix}", icc_profile=icc, dpi=(300, 300))
    meta = read_image(tmp_path / f"a{suffix}").meta
    assert meta["icc"] == icc
    assert meta["density"] == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize("name", ["q?x=1.png", "h#1.png", "100%.png", "é ü.png", "a.b.PNG", "%04d.png"])
def test_odd_names(tmp_path, store, name):
    plain = store(tmp_path / "plain.png", integers((4, 4, 3)))
    plain.rename(tmp_path / name)
    assert read_image(tmp_path / name).size == (4, 4)


def test_content_decides_not_the_suffix(tmp_path, store):
    samples = integers((4, 4, 3))
    store(tmp_path / "a.png", samples).rename(tmp_path / "a.jpg")
    assert (read_image(tmp_path / "a.jpg").numpy() == samples.astype(np.float32) / np.float32(255)).all()


def test_several_images_are_refused_thumbnails_passed_over(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    pages = integers((2, 16, 16, 3))
    tifffile.imwrite(tmp_path / "pages.tif", pages, photometric="rgb")
    with pytest.raises(ImageReadError, match="several images"):
        read_image(tmp_path / "pages.tif")
    with tifffile.TiffWriter(tmp_path / "thumb.tif") as file:
        file.write(pages[0], photometric="rgb")
        file.write(pages[1][::2, ::2].copy(), photometric="rgb", subfiletype=1)
    assert (read_image(tmp_path / "thumb.tif").numpy() == pages[0].astype(np.float32) / np.float32(255)).all()


def test_five_channels_are_refused(tmp_path, store):
    with pytest.raises(ImageReadError, match="has channels"):
        read_image(store(tmp_path / "a.exr", np.zeros((4, 4, 5), np.float32)))


def test_real_photographs(photos):
    cv2 = pytest.importorskip("cv2")
    for path in sorted(photos.rglob("*.png"))[:6]:
        wanted = cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1]
        got = read_image(path).numpy()
        assert (np.broadcast_to(got, wanted.shape) == wanted.astype(np.float32) / np.float32(255)).all()
