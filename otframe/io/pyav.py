"""PyAV, which is installed as an extra: asked for only where a clip is read or written."""

from __future__ import annotations

import functools
from typing import Any

from otframe.errors import InputError

__all__ = ["pyav"]


@functools.cache
def pyav() -> Any:
    """The module; `InputError` with what to install where it is not there."""
    try:
        import av
        import av.error
        import av.video.reformatter
    except ImportError as error:
        raise InputError(
            f"video needs PyAV, which cannot be imported: {error}", hint='pip install "otframe[video]"'
        ) from error
    return av
