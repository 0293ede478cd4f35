"""PyAV, which is installed as an extra: asked for only where a clip is read or written."""

from __future__ import annotations

import functools
from typing import Any

from otframe.errors import InputError

__all__ = ["pyav"]

_OLDEST = 18
"""15.1, 16.0 and 17.0 are off by 6 to 17 levels of 255 where the range is full."""


@functools.cache
def pyav() -> Any:
    """The module; `InputError` with what to install where it is not there, or so old that its colours are others."""
    try:
        import av
        import av.error
        import av.video.reformatter
    except ImportError as error:
        raise InputError(
            f"video needs PyAV, which cannot be imported: {error}", hint='pip install "otframe[video]"'
        ) from error
    if int(av.__version__.partition(".")[0]) < _OLDEST:
        told = f"video needs PyAV {_OLDEST} or newer, {av.__version__} is installed"
        raise InputError(told, hint='pip install -U "otframe[video]"')
    return av
