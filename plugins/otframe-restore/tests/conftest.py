"""Photographs and weights, and what makes images for the tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from otframe.values import Image


@pytest.fixture(scope="session")
def data() -> Path:
    root = Path(__file__).parents[3]
    folder = Path(os.environ.get("OTFRAME_DATA") or root.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs the photographs and weights of OTFRAME_DATA; there is no {folder}")
    return folder


@pytest.fixture
def noise() -> Callable[..., Image]:
    """Images of uniform noise of a shape (H, W) or (H, W, C), 2 and 4 channels with alpha."""

    def make(*shape: int, seed: int = 0, depth: str = "float32") -> Image:
        values = np.random.default_rng(seed).random(shape)
        scale = {"uint8": 255, "uint16": 65535}.get(depth, 1)
        return Image.from_numpy((values * scale).astype(depth), meta={"stem": "noise"})

    return make
