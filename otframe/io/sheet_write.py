"""Writing a sheet: read, edited and written strip by strip."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from otframe.errors import OutputError
from otframe.io.image_write import depth_in, encode, profile_in
from otframe.io.quantise import clipped, planes, scaled
from otframe.io.sheet_file import strips
from otframe.io.sniff import FORMATS
from otframe.values import Sheet

__all__ = ["write_sheet"]


def write_sheet(sheet: Sheet, path: Path) -> tuple[str, ...]:
    """Write a sheet to PNG, TIFF or OpenEXR, as `write_image` would, in the memory of a few strips."""
    name = FORMATS[path.suffix.lower()]
    if name not in ("png", "tiff", "openexr"):
        raise OutputError(f"a sheet cannot be written as {name}", hint="write '.png', '.tif' or '.exr'")
    work = iter(strips(sheet))
    first = next(work)
    stored, shallow = depth_in(name, first.meta)
    channels = first.channels + (first.alpha is not None)
    icc, unfit = profile_in(name, first.meta, channels)
    notes = unfit + shallow
    counts = {"outside": 0, "size": 0}

    def samples() -> Iterator[np.ndarray]:
        nonlocal notes
        for image in itertools.chain([first], work):
            array, converted = planes(image, linear=name == "openexr", associated=name == "openexr")
            notes = (*notes, *(note for note in converted if note not in notes))
            made, outside = scaled(array, stored)
            counts["outside"] += outside
            counts["size"] += array.size
            yield made

    encode(samples(), (sheet.height, sheet.width, channels), path, name, stored, icc, first.meta.get("density"))
    return notes + clipped(counts["outside"], counts["size"])
