"""Small clips and looks, for tests."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np

from otframe.io.clip_file import read_clip
from otframe.io.clip_make import make_clip
from otframe.values import Clip
from otframe_color.examples import fitted
from otframe_color.grade_edit import ColorGrade

__all__ = ["clip", "look"]


@functools.cache
def clip(seed: int) -> Clip:
    """Six frames of 16 x 12 pixels without loss."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(40, 160, 16)[None, :, None] + rng.uniform(0, 40, 3)
    frames = [np.rint(slope + rng.uniform(0, 30, (12, 16, 3))).astype(np.uint8) for _ in range(6)]
    return read_clip(make_clip(_folder() / f"{seed}.mkv", frames, rate=Fraction(24), codec="ffv1", layout="yuv444p"))


def look(seed: int) -> ColorGrade:
    """Two maps, a fifth of a second apart."""
    return ColorGrade((fitted(seed), fitted(seed + 1)), (0.0, 0.2), size=9)


@functools.cache
def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="otframe-clips-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
