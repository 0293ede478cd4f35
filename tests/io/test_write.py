from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from otframe.errors import OutputError
from otframe.io import write, writer_for
from otframe.io.image_file import read_image
from otframe.io.write import atomic
from otframe.io.writer import Writer
from otframe.registry import Registry
from otframe.values import GaussianLaw, Image, Table

rng = np.random.default_rng(0)


def leftovers(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [
        (".png", "uint8"),
        (".png", "uint16"),
        (".tif", "uint8"),
        (".tif", "uint16"),
        (".bmp", "uint8"),
        (".webp", "uint8"),
    ],
)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_integer_survives(tmp_path, registry, suffix, dtype, channels):
    n = 16 if dtype == "uint8" else 256
    levels = np.arange(n * n, dtype=dtype).reshape(n, n, 1)
    samples = np.concatenate([np.roll(levels, k) for k in range(channels)], axis=2)
    if suffix == ".webp" and channels in (2, 4):
        samples[..., -1] = np.maximum(samples[..., -1], 1)
    written = write(Image.from_numpy(samples), tmp_path / f"a{suffix}", registry)
    assert written.path == tmp_path / f"a{suffix}"
    assert written.notes == ()
    again = read_image(written.path)
    got = np.rint(again.numpy() * np.iinfo(samples.dtype).max).astype(dtype)
    if again.channels > 1 and channels <= 2:  # formats without grey
        got = got[..., [0, *range(3, got.shape[2])]]
    assert (got == samples).all()
    assert again.meta["depth"] == dtype
    twice = write(again, tmp_path / f"b{suffix}", registry)
    assert (read_image(twice.path).numpy() == again.numpy()).all()


@pytest.mark.parametrize("depth", ["half", "float"])
@pytest.mark.parametrize("suffix", [".exr", ".tif"])
@pytest.mark.parametrize("alpha", [False, True])
def test_floats_survive(tmp_path, registry, depth, suffix, alpha):
    pixels = torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(0)).half().float() * 2
    mask = torch.tensor([0.25, 0.5, 1.0])[torch.arange(35).reshape(5, 7) % 3] if alpha else None
    image = Image(pixels, mask, "linear" if suffix == ".exr" else "srgb", {"depth": depth})
    written = write(image, tmp_path / f"a{suffix}", registry)
    again = read_image(written.path)
    assert torch.equal(again.pixels, pixels)
    assert mask is None or torch.equal(again.alpha, mask)
    assert again.space == image.space


def test_float_images_go_to_16_bit_png(tmp_path, registry):
    written = write(Image(torch.full((3, 4, 4), 0.123456)), tmp_path / "a.png", registry)
    image = read_image(written.path)
    assert image.meta["depth"] == "uint16"
    assert abs(float(image.pixels[0, 0, 0]) - 0.123456) < 1 / 131070


def test_clipping_is_noted_and_rounding_is_to_nearest(tmp_path, registry):
    pixels = torch.tensor([-0.5, 0.0, 0.4 / 255, 0.6 / 255, 1.0, 1.001, 1.5, 0.5]).reshape(1, 1, 8)
    written = write(Image(pixels, space="gray", meta={"depth": "uint8"}), tmp_path / "a.png", registry)
    assert written.notes == ("2 of 8 values were outside [0, 1] and were clipped",)
    got = (read_image(written.path).pixels * 255).round().int().flatten().tolist()
    assert got == [0, 0, 0, 1, 255, 255, 255, 128]


def test_depth_loss_is_noted(tmp_path, registry):
    image = Image.from_numpy(rng.integers(0, 65536, (4, 4, 3)).astype(np.uint16))
    assert write(image, tmp_path / "a.jpg", registry).notes == ("uint16 values were written with 8 bits",)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_not_finite_is_refused(tmp_path, registry, bad):
    with pytest.raises(OutputError, match="NaN or infinite"):
        write(Image(torch.full((3, 2, 2), bad)), tmp_path / "a.png", registry)
    assert leftovers(tmp_path) == []


def test_half_overflow_is_refused(tmp_path, registry):
    with pytest.raises(OutputError, match="half"):
        write(Image(torch.full((3, 2, 2), 1e6), space="linear", meta={"depth": "half"}), tmp_path / "a.exr", registry)


def test_spaces(tmp_path, registry):
    image = Image(torch.full((3, 2, 2), 0.5), space="linear", meta={"depth": "uint16"})
    written = write(image, tmp_path / "a.png", registry)
    assert written.notes == ("converted from linear light to srgb",)
    assert float(read_image(written.path).pixels[0, 0, 0]) == pytest.approx(0.735357, abs=2e-5)
    back = write(read_image(written.path), tmp_path / "a.exr", registry)
    assert back.notes == ("converted from srgb to linear light",)
    assert float(read_image(back.path).pixels[0, 0, 0]) == pytest.approx(0.5, abs=3e-5)
    with pytest.raises(OutputError, match="'lab'"):
        write(Image(torch.zeros(3, 2, 2), space="lab"), tmp_path / "b.png", registry)


def test_jpeg_refuses_alpha_and_keeps_colour(tmp_path, registry):
    with pytest.raises(OutputError, match="alpha") as caught:
        write(Image(torch.zeros(3, 2, 2), torch.ones(2, 2)), tmp_path / "a.jpg", registry)
    assert ".png" in caught.value.hint
    y, x = np.mgrid[:64, :64]
    samples = np.stack([x * 4, y * 4, 255 - x * 4], axis=2).astype(np.uint8)
    written = write(Image.from_numpy(samples), tmp_path / "a.jpg", registry)
    assert np.abs(read_image(written.path).numpy() * 255 - samples).max() < 4
    pil = pytest.importorskip("PIL.Image")
    assert all(layer[1:3] == (1, 1) for layer in pil.open(written.path).layer)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
@pytest.mark.parametrize("size", [None, 200_001])
def test_profile_and_density_go_along(tmp_path, registry, suffix, size):
    cms = pytest.importorskip("PIL.ImageCms")
    icc = cms.ImageCmsProfile(cms.createProfile("sRGB")).tobytes()
    if size:  # more than a JPEG segment holds
        icc = (size.to_bytes(4, "big") + icc[4:]).ljust(size, b"\0")
        if suffix == ".png":
            pytest.skip("libpng checks the tags of a profile")
    image = Image.from_numpy(rng.integers(0, 256, (5, 4, 3)).astype(np.uint8), meta={"icc": icc, "density": (300, 300)})
    written = write(image, tmp_path / f"a{suffix}", registry)
    meta = read_image(written.path).meta
    assert meta["icc"] == icc
    assert written.notes == ()
    if suffix != ".webp":
        assert meta["density"] == pytest.approx((300, 300), abs=0.1)


def test_webp_with_profile_and_alpha(tmp_path, registry):
    cms = pytest.importorskip("PIL.ImageCms")
    icc = cms.ImageCmsProfile(cms.createProfile("sRGB")).tobytes()
    samples = rng.integers(1, 256, (5, 4, 4)).astype(np.uint8)
    written = write(Image.from_numpy(samples, meta={"icc": icc}), tmp_path / "a.webp", registry)
    again = read_image(written.path)
    assert (np.rint(again.numpy() * 255) == samples).all()
    assert again.meta["icc"] == icc


def test_profile_that_does_not_fit_is_left_out(tmp_path, registry):
    cms = pytest.importorskip("PIL.ImageCms")
    icc = cms.ImageCmsProfile(cms.createProfile("sRGB")).tobytes()
    gray = Image(torch.rand(1, 4, 4), space="gray", meta={"icc": icc, "depth": "uint8"})
    written = write(gray, tmp_path / "a.png", registry)
    assert "profile" in written.notes[0]
    assert "icc" not in read_image(written.path).meta


def test_unknown_suffix_and_wrong_type(tmp_path, registry):
    image = Image(torch.zeros(3, 2, 2))
    with pytest.raises(OutputError, match=r"no writer for '\.pgn'") as caught:
        write(image, tmp_path / "a.pgn", registry)
    assert "'.png'" in caught.value.hint
    with pytest.raises(OutputError, match="without a suffix"):
        write(image, tmp_path / "a", registry)
    with pytest.raises(OutputError, match="holds Table, got Image"):
        writer_for("a.csv", Image, registry)
    with pytest.raises(OutputError, match="holds Image or Sheet, got GaussianLaw"):
        writer_for("a.png", GaussianLaw, registry)
    assert Image in writer_for("a.PNG", Image, registry).value_type
    assert writer_for("a.safetensors", Table, registry)


@pytest.fixture
def failing(registry, monkeypatch):
    """A registry whose PNG writer fails half way."""

    def use(error: BaseException) -> Registry:
        def write_some(value, path, registry):
            path.write_bytes(b"half of it")
            raise error

        slots = {**registry._loaded, ("writer", ".png"): Writer(Image, write_some)}
        monkeypatch.setattr(registry, "_loaded", slots)
        return registry

    return use


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), OutputError("no"), KeyboardInterrupt()])
def test_a_writer_that_fails_leaves_nothing_and_the_old_file(tmp_path, failing, error):
    target = tmp_path / "a.png"
    target.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else OutputError):
        write(Image(torch.zeros(3, 2, 2)), target, failing(error))
    assert leftovers(tmp_path) == ["a.png"]
    assert target.read_bytes() == b"old"


def test_disk_full_is_told(tmp_path, failing):
    with pytest.raises(OutputError, match="the disk is full"):
        write(Image(torch.zeros(3, 2, 2)), tmp_path / "a.png", failing(OSError(28, "No space left on device")))


@pytest.mark.skipif(os.name == "nt", reason="needs limits of a process")
def test_a_full_disk_ends_neither_the_process_nor_well(tmp_path):
    # a limit on file sizes stands in for the full disk: some encoders exit or never return there
    program = textwrap.dedent(
        """
        import resource, signal, sys, torch
        from otframe.errors import OutputError
        from otframe.io import write
        from otframe.registry import Registry
        from otframe.values import Image
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, resource.RLIM_INFINITY))
        image = Image(torch.rand(3, 200, 200), meta={"depth": "uint8"})
        for suffix in sys.argv[2:]:
            try:
                write(image, f"{sys.argv[1]}/a{suffix}", Registry(points=[]))
            except OutputError:
                print(suffix)
        """
    )
    suffixes = [".png", ".jpg", ".webp", ".tif", ".exr", ".bmp", ".safetensors"]
    command = [sys.executable, "-c", program, str(tmp_path), *suffixes]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.split()) == (0, suffixes), done.stderr
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root writes anywhere")
def test_read_only_folder(tmp_path, registry):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="cannot be written"):
            write(Image(torch.zeros(3, 2, 2)), tmp_path / "a.png", registry)
    finally:
        tmp_path.chmod(0o700)


def test_folders_are_made_and_a_folder_is_no_file(tmp_path, registry):
    image = Image(torch.zeros(3, 2, 2))
    write(image, tmp_path / "x" / "y" / "a.png", registry)
    assert leftovers(tmp_path) == ["a.png"]
    (tmp_path / "b.png").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        write(image, tmp_path / "b.png", registry)
    with pytest.raises(OutputError):
        write(image, tmp_path / "x" / "y" / "a.png" / "c.png", registry)
    with pytest.raises(OutputError):
        write(image, tmp_path / ("n" * 300 + ".png"), registry)


def test_pixels_are_not_changed_by_writing(tmp_path, registry):
    pixels = torch.rand(3, 4, 4) * 2 - 0.5
    before = pixels.clone()
    for suffix in (".png", ".exr", ".jpg", ".tif", ".webp", ".bmp"):
        write(Image(pixels), tmp_path / f"a{suffix}", registry)
    assert torch.equal(pixels, before)


def test_a_path_without_a_name_is_a_typed_error():
    with pytest.raises(OutputError, match="no file's name"), atomic(Path()):
        raise AssertionError("it must not come so far")
