"""Corrupt, cut, huge and empty images fail typed, as one item, and before memory is spent."""

from __future__ import annotations

import contextlib
import tracemalloc

import numpy as np
import OpenImageIO as oiio  # noqa: N813
import pytest

from otframe.errors import ImageReadError, ParameterError
from otframe.io import image_file
from otframe.io.image_file import ImageFile, read_image
from otframe.io.limits import max_pixels


@pytest.fixture
def no_decoding(monkeypatch):
    def refuse(*args):
        raise AssertionError("the decoder was reached")

    monkeypatch.setattr(image_file, "_decode", refuse)


@pytest.fixture
def no_opening(monkeypatch):
    def refuse(*args):
        raise AssertionError("the file was opened by the library")

    monkeypatch.setattr(image_file, "open_image", refuse)


def smooth(height=96, width=128):
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(0).integers(0, 60, (height, width, 3))
    return (np.stack([x, y, x + y], axis=2) % 190 + noise).astype(np.uint8)


_KINDS = {
    "png": {},
    "jpg": {},
    "webp": {},
    "bmp": {},
    "tif": {"compression": "none"},
    "zip.tif": {"compression": "zip"},
    "lzw.tif": {"compression": "lzw"},
    "exr": {},
    "none.exr": {"compression": "none"},
    "dwaa.exr": {"compression": "dwaa"},
}


@pytest.mark.parametrize("kept", [0.999, 0.9, 0.5, 0.1, 40, 12, 5, 1])
@pytest.mark.parametrize("kind", _KINDS)
def test_cut_short(tmp_path, store, kind, kept):
    path = store(tmp_path / f"a.{kind}", smooth(), "half" if "exr" in kind else None, **_KINDS[kind])
    data = path.read_bytes()
    path.write_bytes(data[: kept if isinstance(kept, int) else min(int(len(data) * kept), len(data) - 20)])
    with pytest.raises(ImageReadError) as caught:
        read_image(path)
    assert str(path) in str(caught.value)


def test_a_png_cut_short_is_told_without_the_decoder_printing(tmp_path, store, capfd):
    path = store(tmp_path / "a.png", smooth())
    path.write_bytes(path.read_bytes()[:-13])
    with pytest.raises(ImageReadError, match="cut short: it has no end"):
        read_image(path)
    assert capfd.readouterr() == ("", "")


def test_progressive_jpeg_cut_short(tmp_path):
    pil = pytest.importorskip("PIL.Image")
    pil.fromarray(smooth()).save(tmp_path / "a.jpg", progressive=True)
    data = (tmp_path / "a.jpg").read_bytes()
    for end in (len(data) // 3, len(data) - 1):
        (tmp_path / "a.jpg").write_bytes(data[:end])
        with pytest.raises(ImageReadError, match="cut short"):
            read_image(tmp_path / "a.jpg")


def test_jpeg_with_a_hole_and_its_end_in_place(tmp_path, store):
    path = store(tmp_path / "a.jpg", smooth())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + data[-2:])
    with pytest.raises(ImageReadError, match="damaged"):
        read_image(path)


def test_jpeg_padded_with_zeros_and_what_cameras_append(tmp_path):
    pil = pytest.importorskip("PIL.Image")
    thumbnail = tmp_path / "thumb.jpg"
    pil.fromarray(smooth(16, 16)).save(thumbnail)
    for progressive in (False, True):
        path = tmp_path / "a.jpg"
        pil.fromarray(smooth()).save(path, progressive=progressive, exif=b"Exif\0\0" + thumbnail.read_bytes())
        data = path.read_bytes()
        whole = read_image(path)
        for appended in (b"\0" * 99, b"junk \xff\xda more", data):
            path.write_bytes(data + appended)
            assert (read_image(path).pixels == whole.pixels).all()
        for kept in (len(data) // 3, len(data) // 2, len(data) - 9):
            path.write_bytes(data[:kept].ljust(len(data), b"\0"))
            with pytest.raises(ImageReadError):
                read_image(path)


@pytest.mark.parametrize("kind", ["png", "zip.tif", "exr"])
def test_changed_bytes(tmp_path, store, kind):
    path = store(tmp_path / f"a.{kind}", smooth(), "half" if "exr" in kind else None, **_KINDS[kind])
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(255 - b for b in data[middle : middle + 40])
    path.write_bytes(data)
    with pytest.raises(ImageReadError):
        read_image(path)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"GIF89a" + b"\0" * 50, b"\0" * 500, b"%PDF-1.7"]
)
def test_not_images(tmp_path, data):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(ImageReadError):
        read_image(tmp_path / "a.png")


def test_missing_and_folder(tmp_path):
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(ImageReadError, match="cannot be read"):
            read_image(path)


@pytest.mark.parametrize("size", [(60000, 60000), (2**31 - 1, 1), (250_001, 1000), (1, 2**31 - 1)])
def test_huge_png_header(tmp_path, png_header, no_decoding, size):
    (tmp_path / "a.png").write_bytes(png_header(*size))
    tracemalloc.start()
    with pytest.raises(ImageReadError):
        read_image(tmp_path / "a.png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_huge_png_says_the_limit(tmp_path, png_header, no_decoding):
    (tmp_path / "a.png").write_bytes(png_header(60000, 60000))
    with pytest.raises(ImageReadError, match=r"3600 million pixels, the limit is 250 million") as caught:
        ImageFile(tmp_path / "a.png", registry=None).load("a")
    assert "OTFRAME_MAX_PIXELS" in caught.value.hint
    assert caught.value.key == "a"


def test_header_that_the_file_cannot_hold(tmp_path, png_header, no_decoding):
    (tmp_path / "a.png").write_bytes(png_header(15000, 15000))
    with pytest.raises(ImageReadError, match="bytes cannot hold 15000 x 15000"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("size", [(0, 8), (8, 0), (0, 0)])
def test_zero_size(tmp_path, png_header, no_decoding, size):
    (tmp_path / "a.png").write_bytes(png_header(*size))
    with pytest.raises(ImageReadError):
        read_image(tmp_path / "a.png")


def test_huge_bmp_tiff_jpeg_headers(tmp_path, store, no_decoding):
    bmp = bytearray(store(tmp_path / "a.bmp", smooth()).read_bytes())
    bmp[18:26] = (60000).to_bytes(4, "little") * 2
    (tmp_path / "a.bmp").write_bytes(bmp)
    jpeg = bytearray(store(tmp_path / "a.jpg", smooth()).read_bytes())
    start = jpeg.index(b"\xff\xc0")
    jpeg[start + 5 : start + 9] = (60000).to_bytes(2, "big") * 2
    (tmp_path / "a.jpg").write_bytes(jpeg)
    tiff = bytearray(store(tmp_path / "a.tif", smooth()).read_bytes())
    at = int.from_bytes(tiff[4:8], "little")
    for k in range(int.from_bytes(tiff[at : at + 2], "little")):
        entry = at + 2 + 12 * k
        if int.from_bytes(tiff[entry : entry + 2], "little") in (256, 257):
            tiff[entry + 2 : entry + 12] = b"\4\0" + b"\1\0\0\0" + (60000).to_bytes(4, "little")
    (tmp_path / "a.tif").write_bytes(tiff)
    for name in ("a.bmp", "a.jpg", "a.tif"):
        with pytest.raises(ImageReadError, match=r"3600 million|claims|cannot hold"):
            read_image(tmp_path / name)


@pytest.mark.parametrize("kind", ["lossy", "lossless", "extended"])
def test_huge_webp_is_refused_before_the_library_opens_it(tmp_path, no_opening, kind):
    side = 16383
    if kind == "lossy":
        chunk = b"VP8 " + b"\0\1\0\0" + b"\x10\0\0\x9d\1\x2a" + side.to_bytes(2, "little") * 2
    elif kind == "lossless":
        chunk = b"VP8L" + b"\0\1\0\0" + b"\x2f" + ((side - 1) | (side - 1) << 14).to_bytes(4, "little")
    else:
        chunk = b"VP8X" + b"\x0a\0\0\0" + b"\0" * 4 + (side - 1).to_bytes(3, "little") * 2
    (tmp_path / "a.webp").write_bytes(b"RIFF" + b"\0\1\0\0" + b"WEBP" + chunk + b"\0" * 200)
    with pytest.raises(ImageReadError, match="16383 x 16383"):
        read_image(tmp_path / "a.webp")


def test_webp_size_agrees_with_the_library(tmp_path, store):
    for options in ({}, {"compression": "lossless"}):
        for channels in (3, 4):
            samples = np.random.default_rng(0).integers(1, 255, (37, 53, channels)).astype(np.uint8)
            path = store(tmp_path / "a.webp", samples, **options)
            from otframe.io.sniff import sniff, webp_size

            assert webp_size(sniff(path)[1], "a") == (53, 37)


def test_limit_is_a_setting(tmp_path, store, monkeypatch):
    path = store(tmp_path / "a.png", smooth())
    monkeypatch.setenv("OTFRAME_MAX_PIXELS", "1000")
    with pytest.raises(ImageReadError, match="the limit is"):
        read_image(path)
    monkeypatch.setenv("OTFRAME_MAX_PIXELS", "1e9")
    assert max_pixels() == 10**9
    assert read_image(path).size == (96, 128)
    for wrong in ("many", "-1", "nan", "0"):
        monkeypatch.setenv("OTFRAME_MAX_PIXELS", wrong)
        with pytest.raises(ParameterError, match="OTFRAME_MAX_PIXELS"):
            max_pixels()


def test_metadata_that_is_no_text(tmp_path, store):
    path = store(tmp_path / "a.exr", smooth(), "half")
    path.write_bytes(path.read_bytes().replace(b"lineOrder\0lineOrder\0", b"lineOrder\0line\xff\xfeder\0"))
    with pytest.raises(ImageReadError):
        read_image(path)


@pytest.mark.parametrize("kind", _KINDS)
def test_any_change_gives_an_image_or_a_typed_error(tmp_path, store, kind):
    path = store(tmp_path / f"a.{kind}", smooth(24, 32), "half" if "exr" in kind else None, **_KINDS[kind])
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for trial in range(30):
        changed = np.frombuffer(data, np.uint8).copy()
        where = rng.integers(0, min(len(data), 400) if trial % 2 else len(data), 3)
        changed[where] = rng.integers(0, 256, 3)
        path.write_bytes(changed.tobytes())
        with contextlib.suppress(ImageReadError):
            assert min(read_image(path).size) > 0


def test_no_error_is_left_in_the_library(tmp_path, store):
    store(tmp_path / "a.png", smooth())
    read_image(tmp_path / "a.png")
    assert oiio.geterror() == ""
