"""Photographs, and pictures of which the regions are known."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from otframe_segment.values import Scribbles

from otframe.interfaces import Context
from otframe.values import Image


@pytest.fixture(scope="session")
def data() -> Path:
    folder = Path(os.environ.get("OTFRAME_DATA") or Path(__file__).parents[3].parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs the photographs that OTFRAME_DATA names; there is no {folder}")
    return folder


@pytest.fixture
def ctx() -> Context:
    return Context(seed=3)


@pytest.fixture
def disc():
    """A noisy disc on noisy ground, strokes on both, and the truth."""

    def make(height=48, width=64, seed=0, noise=0.06):
        dice = np.random.default_rng(seed)
        y, x = np.mgrid[:height, :width]
        truth = np.hypot(y - height / 2, x - width / 2) < 0.3 * height
        pixels = np.where(truth[..., None], (0.7, 0.4, 0.3), (0.4, 0.45, 0.6))
        pixels = (pixels + noise * dice.standard_normal((height, width, 3))).clip(0, 1)
        labels = torch.full((height, width), -1)
        labels[height // 2, width // 2 - 4 : width // 2 + 4] = 0
        labels[2, 2 : width - 2] = 1
        return Image.from_numpy(pixels.astype(np.float32)), Scribbles(labels, ("object", "background")), truth

    return make
