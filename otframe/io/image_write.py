"""Writing one image: at its own depth where the format has it, alpha straight, colour profile kept."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio  # noqa: N813

from otframe.errors import OutputError
from otframe.io.compressed import jpeg_bytes, webp_bytes
from otframe.io.quantise import clipped, planes, scaled
from otframe.io.sniff import FORMATS
from otframe.io.writer import writes
from otframe.registry import Registry
from otframe.values import Image, Sheet

__all__ = ["depth_in", "encode", "profile_in", "write_image"]

_TYPES = {"uint8": oiio.UINT8, "uint16": oiio.UINT16, "half": oiio.HALF, "float": oiio.FLOAT}
# what each format stores a depth as
_STORED = {
    "png": {"uint8": "uint8", "uint16": "uint16", "half": "uint16", "float": "uint16"},
    "tiff": {"uint8": "uint8", "uint16": "uint16", "half": "half", "float": "float"},
    "openexr": {"uint8": "half", "uint16": "float", "half": "half", "float": "float"},
}
_PNG_END = b"IEND\xaeB`\x82"
_OPTIONS: dict[str, dict[str, Any]] = {
    "png": {"png:compressionLevel": 4},  # a third less time than the default for the same size within a percent
    "tiff": {"compression": "zip"},
    "openexr": {"compression": "zip"},
    "bmp": {},
}


@writes(Image, Sheet)
def write_image(image: Image | Sheet, path: Path, registry: Registry) -> tuple[str, ...]:
    """Write an image by the path's suffix; a sheet in strips, by `write_sheet`.

    Depth follows `meta['depth']` (`float` where absent): PNG 8 or 16 bits, TIFF any, OpenEXR half or float (linear
    light), JPEG (quality 95, full chroma), WebP (lossless) and BMP 8 bits. Integers are rounded to nearest; values
    outside [0, 1] are clipped with a note. What `meta['note']` says is a note too. JPEG has no alpha: `OutputError`.
    """
    if isinstance(image, Sheet):
        from otframe.io.sheet_write import write_sheet

        return write_sheet(image, path)
    name = FORMATS[path.suffix.lower()]
    if name == "jpeg" and image.alpha is not None:
        raise OutputError(
            "JPEG cannot hold alpha", hint="write '.png' or '.webp', or put the image on a background first"
        )
    stored, shallow = depth_in(name, image.meta)
    array, notes = planes(image, linear=name == "openexr", associated=name == "openexr")
    if name in ("webp", "bmp") and array.shape[2] != 3:
        if name == "webp" and image.alpha is not None and bool((image.alpha == 0).any()):
            notes += ("WebP does not keep the colour of fully transparent pixels",)
        if array.shape[2] == 2 or (name == "webp" and array.shape[2] == 1):
            array = np.concatenate([array[..., :1].repeat(3, axis=2), array[..., 1:]], axis=2)
    samples, outside = scaled(array, stored)
    notes += clipped(outside, array.size)
    if "note" in image.meta:
        notes += (str(image.meta["note"]),)
    notes += shallow
    icc, unfit = profile_in(name, image.meta, samples.shape[2])
    notes += unfit
    density = image.meta.get("density")
    if name in ("jpeg", "webp"):
        path.write_bytes(jpeg_bytes(samples, icc, density) if name == "jpeg" else webp_bytes(samples, icc))
    else:
        encode([samples], samples.shape, path, name, stored, icc, density)
    return notes


def depth_in(name: str, meta: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """What a format stores an image's depth as, and a note where that is less."""
    depth = str(meta.get("depth", "float"))
    depth = depth if depth in _TYPES else "float"
    stored = _STORED.get(name, {}).get(depth, "uint8")
    less = stored == "uint8" and depth != "uint8" and "depth" in meta
    return stored, (f"{depth} values were written with 8 bits",) if less else ()


def profile_in(name: str, meta: Mapping[str, Any], channels: int) -> tuple[bytes, tuple[str, ...]]:
    """The colour profile, unless the format or the channels do not go with it."""
    icc = meta.get("icc", b"")
    if not isinstance(icc, bytes) or not icc:
        return b"", ()
    if name in ("openexr", "bmp"):
        return b"", (f"the colour profile was left out: {name} files have none",)
    wanted = b"GRAY" if channels <= 2 else b"RGB "
    if icc[16:20] != wanted:
        return b"", ("the colour profile was left out: it is not for these channels",)
    return icc, ()


def encode(
    strips: Iterable[np.ndarray],
    shape: tuple[int, ...],
    path: Path,
    name: str,
    stored: str,
    icc: bytes,
    density: Any,
) -> None:
    """Write samples `(rows, W, C)`, strip by strip from the top; `shape` is that of the whole."""
    height, width, channels = shape
    spec = oiio.ImageSpec(width, height, channels, _TYPES[stored])
    spec.channelnames = {1: ("Y",), 2: ("Y", "A"), 3: ("R", "G", "B"), 4: ("R", "G", "B", "A")}[channels]
    if channels in (2, 4):
        spec.alpha_channel = channels - 1
        if name != "openexr":
            spec.attribute("oiio:UnassociatedAlpha", 1)
    for key, value in _OPTIONS[name].items():
        spec.attribute(key, value)
    if icc:
        spec.attribute("ICCProfile", oiio.TypeDesc(f"uint8[{len(icc)}]"), np.frombuffer(icc, np.uint8))
    if density and name != "openexr":
        spec.attribute("XResolution", float(density[0]))
        spec.attribute("YResolution", float(density[1]))
        spec.attribute("ResolutionUnit", "in")
    output = oiio.ImageOutput.create(name)
    if output is None:
        raise OutputError(f"there is no encoder of {name}: {oiio.geterror()}")
    if not output.open(str(path), spec):
        _ask(path)
        raise OSError(0, _reason(output.geterror()))
    done, row = True, 0
    for samples in strips:
        done &= output.write_scanlines(row, row + len(samples), 0, np.ascontiguousarray(samples))
        row += len(samples)
    error = output.geterror()  # a full disk is told here alone by some encoders
    closed = output.close()
    last = output.geterror()
    if name == "tiff" and "Exif" in last:
        last = ""  # complains about metadata that was not asked for
    if not (done and closed) or error or last:
        _ask(path)
        raise OSError(0, _reason(error or last))
    if not _ended(path, name, height):
        _ask(path)
        raise OSError(errno.EIO, "the end of the file did not reach the disk")


def _ask(path: Path) -> None:
    """Let the disk itself tell what is wrong with it: `OSError` where it takes no more. Encoders do not know."""
    with path.open("ab") as file:
        file.write(bytes(1 << 16))


def _ended(path: Path, name: str, height: int) -> bool:
    """Whether the file has its end, which two encoders write when it is closed without telling whether they could."""
    if name == "png":
        with path.open("rb") as file:
            file.seek(-min(len(_PNG_END), path.stat().st_size), os.SEEK_END)
            return file.read() == _PNG_END
    if name == "openexr":
        written = oiio.ImageInput.open(str(path))
        whole = written is not None and written.read_scanlines(height - 1, height, 0, 0, 1, "float") is not None
        if not whole:  # an error that nobody asks for is printed when the process ends
            _ = oiio.geterror() if written is None else written.geterror()
        return whole
    return True


def _reason(error: str) -> str:
    return error.strip().splitlines()[0] if error.strip() else "the encoder gives no reason"
