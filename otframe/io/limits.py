"""How large an image may be, read when it is needed so that a host may set it at any time."""

from __future__ import annotations

import os

from otframe.errors import ImageReadError, ParameterError

__all__ = ["check_size", "max_pixels"]

_DEFAULT = 250_000_000
_CHANNELS = 64


def max_pixels() -> int:
    """The limit: `OTFRAME_MAX_PIXELS`, 250 million where it is not set."""
    asked = os.environ.get("OTFRAME_MAX_PIXELS", "").strip()
    if not asked:
        return _DEFAULT
    try:
        limit = float(asked)
        if not 1 <= limit <= 1e15:
            raise ValueError
    except ValueError:
        raise ParameterError(f"OTFRAME_MAX_PIXELS is a number of pixels, at least 1, got '{asked}'") from None
    return int(limit)


def check_size(width: int, height: int, channels: int, where: str) -> None:
    """Refuse a header's sizes before anything is allocated; `ImageReadError`."""
    if width <= 0 or height <= 0 or channels <= 0:
        raise ImageReadError(f"{where} has no pixels: its header says {width} x {height}, {channels} channels")
    if channels > _CHANNELS:
        raise ImageReadError(f"{where} has {channels} channels, an image has 1 to 4")
    if width * height > max_pixels():
        raise ImageReadError(
            f"{where} has {width} x {height} = {width * height / 1e6:.0f} million pixels, "
            f"the limit is {max_pixels() / 1e6:g} million",
            hint="raise it with OTFRAME_MAX_PIXELS if the file is trusted and memory suffices",
        )
