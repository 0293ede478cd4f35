"""Reading one image: header first, then pixels exactly as stored, straight alpha, upright, or a typed error."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import OpenImageIO as oiio  # noqa: N813
import torch

from otframe.errors import ImageReadError
from otframe.io.limits import check_size
from otframe.io.names import as_key
from otframe.io.sniff import jpeg_ends, png_ends, png_size, sniff, webp_size
from otframe.io.source import FileSource
from otframe.values import Image

__all__ = ["ImageFile", "check_header", "first_line", "image_of", "one_image", "open_image", "read_image", "stored_as"]

_DEPTHS = {"uint8": (oiio.UINT8, 255), "uint16": (oiio.UINT16, 65535), "half": (oiio.HALF, 0)}
# A pixel takes a bit at least before compression, and deflate shrinks at most 1032 times: below this a header lies.
# JPEG takes a bit for each block of 64 pixels; the rare arithmetic coding takes less, for which there is room.
_PIXELS_PER_BYTE = {"png": 8 * 1032, "zip": 8 * 1032, "none": 8, "bmp": 64 * 1032, "jpeg": 8 * 1032}


class ImageFile(FileSource):
    """An image file: PNG, JPEG, TIFF, OpenEXR, WebP or BMP, told by its content, whatever its suffix."""

    value_type = Image

    def load(self, key: str) -> Image:
        """The image, by `read_image`."""
        try:
            return read_image(self.path)
        except ImageReadError as error:
            raise error.at(key=key) from error.__cause__


def read_image(path: str | Path) -> Image:
    """The image of a file.

    8- and 16-bit integers k become k / 255 and k / 65535 (float32, rounded once); floats stay as they are. The EXIF
    orientation is applied. `meta` gets `stem`, `suffix`, `depth`, `icc` where there is a profile and `density` (dots
    per inch, x and y) where it is known.

    Raises
    ------
    ImageReadError
        Too large by its header (before anything is decoded), empty, cut short, damaged, not finite, of several images,
        or of channels that an image cannot hold. JPEG data that decodes with a warning counts as damaged.
    """
    path = Path(path)
    name, head = sniff(path)
    if name == "webp":  # the library decodes WebP when it is opened
        check_size(*webp_size(head, str(path)), 4, str(path))
    if name == "png":  # asked here to say what is wrong: the library's own guard speaks of megabytes
        check_size(*png_size(head, str(path)), 4, str(path))
        if not png_ends(path):
            raise ImageReadError(f"{path} is cut short: it has no end")
    try:
        return _read(path, name)
    except UnicodeDecodeError as error:  # the library quotes damaged metadata in its messages
        raise ImageReadError(f"{path} is damaged: its metadata is not text") from error
    except MemoryError as error:
        raise ImageReadError(f"{path} does not fit the memory") from error


def _read(path: Path, name: str) -> Image:
    source = open_image(path)
    try:
        spec = source.spec()
        check_header(source, spec, name, path)
        samples = _decode(source, spec, path)
        if name == "jpeg" and not jpeg_ends(path):
            raise ImageReadError(f"{path} is cut short: it has no end")
        one_image(source, path)
    finally:
        source.close()
    return image_of(samples, spec, name, path)


def open_image(path: Path) -> Any:
    """The decoder of a file, straight alpha asked for; `ImageReadError` where there is none."""
    config = oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)  # else colours come multiplied by alpha and rounded
    source = oiio.ImageInput.open(str(path), config)
    if source is None:
        raise ImageReadError(f"{path} cannot be read: {first_line(oiio.geterror())}")
    return source


def check_header(source: Any, spec: Any, name: str, path: Path) -> None:
    """Refuse by the header what cannot be an image, before anything is decoded."""
    check_size(spec.width, spec.height, spec.nchannels, str(path))
    if source.format_name() != name:
        raise ImageReadError(f"{path} starts as {name} but reads as {source.format_name()}")
    if spec.deep or spec.depth > 1:
        raise ImageReadError(f"{path} holds deep or volume data, wanted a flat image")
    compression = spec.get_string_attribute("compression") if name == "tiff" else name
    bound = _PIXELS_PER_BYTE.get(compression)
    if bound and spec.width * spec.height > bound * path.stat().st_size:
        raise ImageReadError(
            f"{path} is cut short or damaged: {path.stat().st_size} bytes cannot hold "
            f"{spec.width} x {spec.height} pixels"
        )
    model = spec.get_string_attribute("jpeg:ColorSpace") or spec.get_string_attribute("tiff:ColorSpace")
    if model in ("CMYK", "YCCK"):
        raise ImageReadError(
            f"{path} is a {model} image, for print", hint="convert it to RGB with its profile in a photo editor"
        )
    has_alpha = spec.alpha_channel == spec.nchannels - 1 and spec.nchannels in (2, 4)
    if spec.nchannels not in (1, 3) and not has_alpha:
        raise ImageReadError(
            f"{path} has channels {', '.join(spec.channelnames)}; an image has one or three, and alpha last",
            hint="write the wanted channels to a file of their own",
        )


def _decode(source: Any, spec: Any, path: Path) -> np.ndarray:
    stored = stored_as(spec)
    samples = source.read_image(0, 0, 0, spec.nchannels, stored)
    # JPEG and PNG readers give a picture and an error at once: a missing part is grey, and only the error tells
    error = source.geterror()
    if samples is None or error:
        raise ImageReadError(f"{path} is cut short or damaged: {first_line(error)}")
    return np.asarray(samples)


def stored_as(spec: Any) -> Any:
    """What samples are decoded to, so that nothing is rounded."""
    return _DEPTHS.get(str(spec.format), (oiio.FLOAT, 0))[0]


def one_image(source: Any, path: Path) -> None:
    """Refuse files of several images; smaller copies of the first one (thumbnails) are passed over."""
    for index in range(1, 64):  # a file of endless thumbnails is not followed
        if not source.seek_subimage(index, 0):
            break
        if not source.spec().get_int_attribute("tiff:subfiletype", 0) & 1:
            raise ImageReadError(f"{path} holds several images", hint="split it into one file an image")
    source.geterror()  # "no such subimage" is what was hoped for


def image_of(samples: np.ndarray, spec: Any, name: str, path: Path) -> Image:
    """The image, or strip of one, that decoded samples `(H, W, C)` are."""
    depth = str(spec.format)
    depth = depth if depth in _DEPTHS else "float"
    scale = _DEPTHS[depth][1] if depth in _DEPTHS else 0
    if not scale:
        bad = int(samples.size - np.count_nonzero(np.isfinite(samples)))
        if bad:
            raise ImageReadError(f"{path} has {bad} values that are NaN or infinite, of {samples.size}")
    stored = samples.transpose(2, 0, 1)
    planes: np.ndarray = np.empty(stored.shape, np.float32)
    np.divide(stored, np.float32(scale or 1), out=planes, dtype=np.float32)
    turn = spec.get_int_attribute("Orientation", 1)
    turn = turn if 1 <= turn <= 8 else 1
    planes = np.ascontiguousarray(_upright(planes, turn))
    alpha = planes[-1].copy() if len(planes) in (2, 4) else None
    pixels = planes[:-1] if alpha is not None else planes
    straight = name == "bmp" or spec.get_int_attribute("oiio:UnassociatedAlpha", 0) == 1
    if alpha is not None and not straight:
        # colour where alpha is zero is light of its own: it stays as stored
        with np.errstate(over="ignore"):
            pixels = np.divide(pixels, np.where(alpha == 0, np.float32(1), alpha), dtype=np.float32)
        if not np.isfinite(pixels).all():
            raise ImageReadError(f"{path} has colours that are too large for their alpha")
    space = "linear" if name == "openexr" else "gray" if len(pixels) == 1 else "srgb"
    return Image(
        torch.from_numpy(np.ascontiguousarray(pixels)),
        None if alpha is None else torch.from_numpy(alpha),
        space,
        MappingProxyType(
            {"stem": as_key(path.stem), "suffix": path.suffix.lower(), "depth": depth, **_extras(spec, turn)}
        ),
    )


def _upright(planes: np.ndarray, orientation: int) -> np.ndarray:
    """Planes `(C, H, W)` as they are meant to be seen; the eight cases of EXIF tag 274."""
    if orientation >= 5:
        planes = planes.transpose(0, 2, 1)
    if orientation in (2, 3, 6, 7):
        planes = planes[:, :, ::-1]
    if orientation in (3, 4, 7, 8):
        planes = planes[:, ::-1]
    return planes


def _extras(spec: Any, orientation: int) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    icc = spec.getattribute("ICCProfile")
    if icc is not None and len(icc):
        extras["icc"] = np.asarray(icc, dtype=np.uint8).tobytes()
    x, y = spec.get_float_attribute("XResolution", 0), spec.get_float_attribute("YResolution", 0)
    inches = {"in": 1.0, "inch": 1.0, "cm": 2.54}.get(spec.get_string_attribute("ResolutionUnit"))
    if inches and 0 < x < 1e6 and 0 < y < 1e6:
        x, y = round(x * inches, 3), round(y * inches, 3)
        extras["density"] = (y, x) if orientation >= 5 else (x, y)
    return extras


def first_line(error: str) -> str:
    """What a decoder says is wrong, in one line."""
    return error.strip().splitlines()[0] if error.strip() else "the decoder gives no reason"
