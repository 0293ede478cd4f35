"""Sheets: images that are read in strips. `strips:PATH` gives one for a file, or for each image file of a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from otframe.errors import DataError, ImageReadError, InputError
from otframe.io.image_file import check_header, first_line, image_of, one_image, open_image, stored_as
from otframe.io.opening import open_source
from otframe.io.sniff import jpeg_ends, png_ends, sniff
from otframe.io.source import FileSource, JoinedSource, Source, file_digest
from otframe.registry import Registry
from otframe.values import Image, Sheet

__all__ = ["SheetFile", "open_sheets", "sheet_of", "strips"]

_ROWS = 64
"""Strips have a multiple of so many rows, which the blocks of compressed formats have too."""

_PIXELS = 1 << 22


class SheetFile(FileSource):
    """An image file, of which the header is read."""

    value_type = Sheet

    def load(self, key: str) -> Sheet:
        """The sheet, by `sheet_of`."""
        try:
            return sheet_of(self.path)
        except ImageReadError as error:
            raise error.at(key=key) from error.__cause__


class _Sheets:
    """The reader of the scheme `strips:`."""

    value_type = Sheet

    def __call__(self, uri: str, *, registry: Registry) -> Source:
        """The sheets of a file, a folder or a pattern."""
        given = uri.partition(":")[2]
        if not given or given.partition(":")[0] in ("strips", "sample"):
            raise InputError(f"wanted strips: and a path, got '{uri}'", hint="strips:huge.tif, strips:folder")
        images = open_source(given, registry, Image)
        files = {key: Path(images.where(key)) for key in images.keys()}
        missing = [str(path) for path in files.values() if not path.is_file()]
        if missing:
            raise InputError(f"{missing[0]} is no file that could be read in strips")
        return JoinedSource({key: SheetFile(path, registry=registry) for key, path in files.items()}, Sheet)


open_sheets = _Sheets()
"""The reader."""


def sheet_of(path: str | Path) -> Sheet:
    """The sheet of a PNG, JPEG, TIFF or OpenEXR file, from its header; `ImageReadError` as by `read_image`.

    What is stored turned, or decoded as a whole anyway (WebP, BMP), is refused.
    """
    path = Path(path).absolute()
    name, _ = sniff(path)
    if name not in ("png", "jpeg", "tiff", "openexr"):
        raise ImageReadError(f"{path} is a {name} image, which cannot be read in strips", hint="convert it to TIFF")
    if name == "png" and not png_ends(path):
        raise ImageReadError(f"{path} is cut short: it has no end")
    if name == "jpeg" and not jpeg_ends(path):
        raise ImageReadError(f"{path} is cut short: it has no end")
    source = open_image(path)
    try:
        spec = source.spec()
        check_header(source, spec, name, path)
        if spec.get_int_attribute("Orientation", 1) > 1:
            raise ImageReadError(
                f"{path} is stored turned (EXIF orientation {spec.get_int_attribute('Orientation')})",
                hint="turn its pixels upright first, or read it whole, without strips:",
            )
        first = image_of(_decoded(source, spec, 0, 1, path), spec, name, path)
        one_image(source, path)
    finally:
        source.close()
    return Sheet(
        str(path),
        file_digest(path),
        spec.width,
        spec.height,
        first.channels,
        first.alpha is not None,
        first.space,
        first.meta,
    )


def strips(sheet: Sheet) -> Iterator[Image]:
    """The sheet's strips from the top, edited: whole rows, some million pixels each.

    `ImageReadError` where the file has changed since the sheet was made of it, is damaged or has pixels that are not
    finite.
    """
    path = Path(sheet.path)
    if file_digest(path) != sheet.digest:
        raise ImageReadError(f"{path} has changed since it was looked at", hint="run it again")
    name, _ = sniff(path)
    source = open_image(path)
    try:
        spec = source.spec()
        for start, end in rows_of(sheet, spec.tile_height):
            image = image_of(_decoded(source, spec, start, end, path), spec, name, path)
            for edit in sheet.edits:
                made = edit(image)
                if made.size != image.size:
                    raise DataError(f"{type(edit).__name__} made {made} of {image}: an edit keeps the size")
                image = made
            yield image
    finally:
        source.close()


def rows_of(sheet: Sheet, tile: int = 0) -> Iterator[tuple[int, int]]:
    """First row and end of each strip."""
    step = max(tile, _ROWS)
    step *= max(1, _PIXELS // (sheet.width * step))
    for start in range(0, sheet.height, step):
        yield start, min(start + step, sheet.height)


def _decoded(source: Any, spec: Any, start: int, end: int, path: Path) -> np.ndarray:
    stored, channels = stored_as(spec), spec.nchannels
    if spec.tile_width:
        # only whole rows of tiles can be asked for
        below = -(-end // spec.tile_height) * spec.tile_height
        left, top = spec.x, spec.y  # an image may lie anywhere on its canvas
        across, down = (left, left + spec.width), (top + start, top + min(below, spec.height))
        samples = source.read_tiles(*across, *down, 0, 1, 0, channels, stored)
        samples = None if samples is None else np.asarray(samples).reshape(-1, spec.width, channels)[: end - start]
    else:
        samples = source.read_scanlines(spec.y + start, spec.y + end, 0, 0, channels, stored)
    error = source.geterror()
    if samples is None or error:
        raise ImageReadError(f"{path} is cut short or damaged between rows {start} and {end}: {first_line(error)}")
    return np.asarray(samples).reshape(end - start, spec.width, channels)
