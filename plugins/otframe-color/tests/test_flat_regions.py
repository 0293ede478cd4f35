"""Noise of an exact transfer in real skies, and what regularisation leaves of it."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import ot
import pytest
import torch
from otframe_color.artifacts import measured
from otframe_color.cloud_value import ColorCloud
from otframe_color.regularize import Regularize
from otframe_color.relaxed import RelaxedTransport
from otframe_color.variational import Variational

from otframe.interfaces import Context
from otframe.values import Image, PointMap, SolveInfo

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    """A blue sky over the sea, and a sunset, at a third of their size."""
    root = Path(__file__).parents[3]
    folder = Path(os.environ.get("OTFRAME_DATA") or root.parent / "shared" / "data") / "color_pairs"
    if not folder.is_dir():
        pytest.skip(f"needs the photographs of OTFRAME_DATA; there is no {folder}")
    found = [cv2.imread(str(folder / f"ocean_{side}.jpg"), cv2.IMREAD_COLOR) for side in ("source", "target")]
    return tuple(np.ascontiguousarray(one[::3, ::3, ::-1]) for one in found)


@pytest.fixture(scope="module")
def transferred(pair) -> tuple[Image, Image]:
    """The first and its exact transfer: 400 colours of each are matched, and others move as the nearest does."""
    random = np.random.default_rng(0)
    x, y = (one.reshape(-1, 3)[random.choice(one.size // 3, 400, replace=False)] / 255 for one in pair)
    plan = ot.emd(np.full(400, 1 / 400), np.full(400, 1 / 400), ot.dist(x, y))
    map = PointMap(0.0, SolveInfo(), torch.from_numpy(x), torch.from_numpy(400 * plan @ y))
    return Image.from_numpy(pair[0]), Image.from_numpy(map.on_bytes(pair[0]))


def cloud(pixels: np.ndarray) -> ColorCloud:
    return ColorCloud(torch.from_numpy(pixels.reshape(-1, 3).astype(np.float32) / 255))


def left(image: Image, target: np.ndarray) -> float:
    first, second = image.pixels.reshape(3, -1).T.numpy().clip(0, 1), target.reshape(-1, 3) / 255
    return ot.sliced_wasserstein_distance(first, second, n_projections=12, seed=0)


def test_an_exact_transfer_amplifies_noise(transferred):
    found = measured(*transferred)
    assert found.noise > 2.5
    assert found.gradients < 0.8


@pytest.mark.parametrize("method", ["guided", "map"])
def test_regularisation_takes_the_noise_away_and_keeps_the_colours(pair, transferred, method):
    image, moved = transferred
    made = Regularize(method=method)(image, moved)
    found = measured(image, made)
    assert found.noise < 1.5
    assert found.gradients > measured(image, moved).gradients + 0.1
    assert left(made, pair[1]) < 0.15 * left(image, pair[1])


def test_so_does_the_variational_method(pair, transferred):
    image, moved = transferred
    made = Variational()(image, cloud(pair[1]), moved, ctx=Context()).image
    assert measured(image, made).noise < 1.7
    assert left(made, pair[1]) < 0.1 * left(image, pair[1])


def test_a_relaxed_map_has_no_noise_to_take_away(pair):
    image = Image.from_numpy(pair[0])
    map = RelaxedTransport(palette=48).solve(cloud(pair[0]), cloud(pair[1]), ctx=Context())
    made = image.with_grid(map(image.pixels.reshape(3, -1).T).T.reshape(image.pixels.shape).contiguous())
    assert measured(image, made).noise < 1.3
    assert left(made, pair[1]) < 0.25 * left(image, pair[1])
