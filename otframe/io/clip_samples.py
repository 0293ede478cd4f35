"""Clips for examples, made of the sample photographs: `sample:clips/pan` and `sample:clips/dusk`."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from otframe.errors import UnknownNameError
from otframe.io.clip_file import ClipFile
from otframe.io.clip_make import make_clip
from otframe.io.source import JoinedSource
from otframe.registry import Registry
from otframe.values import Clip, Image

__all__ = ["CLIPS", "clip_samples", "pan"]

_COUNT, _RATE = 60, Fraction(24)
_HEIGHT, _WIDTH = 216, 384

CLIPS = ("pan", "dusk")
"""A slow pan over a photograph of coffee; one over a photograph of China while the light goes and turns blue."""

_PHOTOS = {"pan": "coffee", "dusk": "china"}


def clip_samples(name: str, photo: Any, registry: Registry) -> JoinedSource:
    """The sample clips of a name: `clips`, or `clips/NAME`.

    Parameters
    ----------
    name : str
        Without the scheme.
    photo : callable
        Gives a sample photograph by its name.
    registry : Registry
        What every reader takes.
    """
    _, _, member = name.partition("/")
    if member and member not in CLIPS:
        raise UnknownNameError(f"there is no sample '{name}'", hint=f"samples: clips, clips/{', clips/'.join(CLIPS)}")
    chosen = [member] if member else list(CLIPS)
    parts = {clip: ClipFile(_made(clip, photo), registry=registry) for clip in chosen}
    return JoinedSource(dict(parts), Clip)


def pan(image: Image, *, count: int, size: tuple[int, int], dusk: float = 0.0) -> Iterator[np.ndarray]:
    """Frames of a slow pan over an image, uint8.

    Parameters
    ----------
    image : Image
        At least as large as the frames.
    count : int
        How many frames.
    size : tuple of int
        Their height and width.
    dusk : float
        How much of the light goes until the end, 0 to 1; blue stays longest.
    """
    height, width = size
    pixels = image.pixels.permute(1, 2, 0).numpy()
    down, right = image.size[0] - height, image.size[1] - width
    for k in range(count):
        along = k / max(count - 1, 1)
        ease = along * along * (3 - 2 * along)
        top, left = round(0.5 * down), round(ease * right)
        light = 1 - dusk * along * np.array([1.0, 0.9, 0.6], np.float32)
        yield np.rint(pixels[top : top + height, left : left + width] * light * 255).astype(np.uint8)


@functools.cache
def _folder() -> Path:
    """A folder of this process's own, gone when it ends."""
    folder = tempfile.mkdtemp(prefix="otframe-clips-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _made(name: str, photo: Any) -> Path:
    path = _folder() / f"{name}.mp4"
    if not path.exists():
        whole = path.with_name(f"{name}.part.mp4")
        shown = pan(photo(_PHOTOS[name]), count=_COUNT, size=(_HEIGHT, _WIDTH), dusk=0.75 if name == "dusk" else 0.0)
        make_clip(whole, shown, rate=_RATE, tone=330.0, options={"crf": "4", "preset": "veryfast", "threads": "1"})
        whole.replace(path)
    return path
