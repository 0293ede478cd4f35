"""What makes images for the tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from otframe.values import Image


@pytest.fixture
def noise() -> Callable[..., Image]:
    """Images of uniform noise of a shape (H, W) or (H, W, C), 2 and 4 channels with alpha."""

    def make(*shape: int, seed: int = 0, depth: str = "float32") -> Image:
        values = np.random.default_rng(seed).random(shape)
        scale = {"uint8": 255, "uint16": 65535}.get(depth, 1)
        return Image.from_numpy((values * scale).astype(depth), meta={"stem": "noise"})

    return make
