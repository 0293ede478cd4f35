"""Regularised changes of colours: both filters against direct sums, and what they must leave alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_color.artifacts import measured
from otframe_color.guided import guided
from otframe_color.map_filter import averaged
from otframe_color.regularize import Regularize

from otframe.errors import DataError
from otframe.values import Image

METHODS = ["guided", "map"]


def image(pixels: np.ndarray, **kept) -> Image:
    return Image.from_numpy(pixels.astype(np.float32), **kept)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def window(shape: tuple[int, int], y: int, x: int, radius: int) -> tuple[slice, slice]:
    return slice(max(0, y - radius), min(shape[0], y + radius + 1)), slice(
        max(0, x - radius), min(shape[1], x + radius + 1)
    )


def guided_directly(guide, values, weight, radius, variance):
    """He, Sun and Tang's filter, a least-squares problem a window."""
    shape = guide.shape[1:]
    fits = np.zeros((*shape, len(guide) + 1, len(values)))
    for y in range(shape[0]):
        for x in range(shape[1]):
            part = window(shape, y, x, radius)
            g = guide[:, *part].reshape(len(guide), -1).T.astype(float)
            v = values[:, *part].reshape(len(values), -1).T.astype(float)
            w = weight[part].reshape(-1, 1)
            mean, level = (w * g).sum(0) / w.sum(), (w * v).sum(0) / w.sum()
            cov = (w * (g - mean)).T @ (g - mean) / w.sum() + variance * np.eye(len(guide))
            slope = np.linalg.solve(cov, (w * (g - mean)).T @ (v - level) / w.sum())
            fits[y, x] = np.vstack([slope, level - mean @ slope])
    made = np.zeros(values.shape)
    for y in range(shape[0]):
        for x in range(shape[1]):
            made[:, y, x] = fits[window(shape, y, x, radius)].mean((0, 1)).T @ np.append(guide[:, y, x], 1)
    return made


def averaged_directly(guide, values, weight, radius, sigma):
    shape = guide.shape[1:]
    made = np.zeros(values.shape)
    for y in range(shape[0]):
        for x in range(shape[1]):
            part = window(shape, y, x, radius)
            near = ((guide[:, *part] - guide[:, y, x][:, None, None]) ** 2).sum(0)
            share = weight[part] * np.exp(-near / sigma**2)
            made[:, y, x] = (share * values[:, *part]).sum((1, 2)) / share.sum()
    return made


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_guided_filter_is_the_fit_of_every_window(channels, weighted):
    guide, values = noise(channels, 9, 12), noise(2, 9, 12, seed=1)
    weight = noise(9, 12, seed=2) + 0.1 if weighted else None
    made = guided(guide, values, weight, radius=2, variance=0.01, step=1)
    wanted = guided_directly(guide, values, np.ones((9, 12)) if weight is None else weight, 2, 0.01)
    assert np.abs(made - wanted).max() < 2e-6


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("radius", [1, 3])
def test_the_map_filter_is_the_mean_over_like_neighbours(radius, weighted):
    guide, values = noise(3, 9, 12), noise(2, 9, 12, seed=1)
    weight = noise(9, 12, seed=2) + 0.1 if weighted else None
    made = averaged(guide, values, weight, radius=radius, sigma=0.5)
    wanted = averaged_directly(guide, values, np.ones((9, 12)) if weight is None else weight, radius, 0.5)
    assert np.abs(made - wanted).max() < 2e-6


def smooth(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:height, :width]
    guide = np.stack([np.sin(x / 31) + np.cos(y / 23), np.sin((x + y) / 40), np.cos(x / 50)]) * 0.2 + 0.5
    return guide.astype(np.float32), (guide**2).astype(np.float32)


@pytest.mark.parametrize("step", [2, 3, 5])
@pytest.mark.parametrize("size", [(120, 160), (121, 157)])
def test_cells_change_little(step, size):
    guide, values = smooth(*size)
    exact = guided(guide, values, None, radius=15, variance=1e-3, step=1)
    cells = guided(guide, values, None, radius=15, variance=1e-3, step=step)
    assert np.abs(cells - exact).max() < 0.05 * np.ptp(exact)
    assert np.sqrt(((cells - exact) ** 2).mean()) < 0.01 * np.ptp(exact)


@pytest.mark.parametrize("step", [1, 4])
def test_an_affine_change_passes_the_guided_filter_where_the_penalty_is_small(step):
    guide, _ = smooth(60, 80)
    values = np.einsum("dc,chw->dhw", np.float32([[1, 0.2, 0], [0, -0.5, 0.3]]), guide) + np.float32(0.1)
    made = guided(guide, values, None, radius=10, variance=1e-9, step=step)
    assert np.abs(made - values).max() < 1e-4


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=15, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.integers(1, 4),
    radius=st.floats(0.01, 0.5),
    seed=st.integers(0, 99),
)
def test_any_size_is_kept_in_bounds_and_shifts_stay_shifts(method, height, width, channels, radius, seed):
    pixels = noise(channels, height, width, seed=seed)
    before = Image(torch.from_numpy(pixels))
    regular = Regularize(method=method, radius=radius, iterations=2)
    shift = torch.linspace(-0.3, 0.4, channels)[:, None, None]
    made = regular(before, before.with_grid(before.pixels + shift))
    assert torch.allclose(made.pixels, before.pixels + shift, atol=1e-6)
    after = before.with_grid(torch.from_numpy(noise(channels, height, width, seed=seed + 1)))
    change = (regular(before, after).pixels - before.pixels).numpy()
    assert np.isfinite(change).all()
    assert np.abs(change).max() <= 1.5


@pytest.mark.parametrize("method", METHODS)
def test_nothing_done_stays_nothing_to_the_bit(method):
    before = image(noise(30, 40, 4))
    assert torch.equal(Regularize(method=method)(before, before).pixels, before.pixels)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [(1, 1), (1, 30), (30, 41)])
def test_constant_images_move_as_they_were_moved(method, size):
    before, after = image(np.full((*size, 3), 0.3)), image(np.full((*size, 3), 0.7))
    made = Regularize(method=method)(before, after)
    assert float((made.pixels - after.pixels).abs().max()) <= 6e-8


@pytest.mark.parametrize("method", METHODS)
def test_noise_that_a_map_amplifies_is_as_before(method):
    random = np.random.default_rng(0)
    ramp = np.linspace(0.3, 0.5, 300)[None, :, None] + random.normal(0, 0.004, (200, 300, 3))
    before, after = image(ramp), image(4 * (ramp - 0.4) + 0.4)
    assert measured(before, after).noise == pytest.approx(4, rel=0.01)
    made = Regularize(method=method, radius=0.05)(before, after)
    assert measured(before, made).noise < 1.3


@pytest.mark.parametrize("method", METHODS)
def test_edges_of_the_image_stay_edges_of_the_change(method):
    """Two halves that move apart stay apart: nothing bleeds over an edge of the guide."""
    before = np.full((80, 80, 3), 0.2)
    before[:, 40:] = 0.8
    after = before.copy()
    after[:, :40], after[:, 40:] = 0.5, 0.6
    made = Regularize(method=method, radius=0.1, sigma=0.02)(image(before), image(after))
    assert np.abs(made.numpy() - after).max() < 0.01


@pytest.mark.parametrize("method", METHODS)
def test_what_is_transparent_neither_counts_nor_changes(method):
    before, after = noise(40, 50, 4), noise(40, 50, 4, seed=1)
    before[..., 3] = np.arange(50) < 30
    after[..., 3] = before[..., 3]
    other = after.copy()
    other[:, 30:, :3] += 5
    regular = Regularize(method=method, radius=0.1, step=1)
    first, second = (regular(image(before), image(one)).numpy() for one in (after, other))
    assert np.abs(first[:, :30] - second[:, :30]).max() < 1e-5
    assert (second[:, 30:] == other[:, 30:]).all()
    before[..., 3] = 0
    assert torch.equal(regular(image(before), image(after)).pixels, image(after).pixels)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("first", "second"), [(1, 3), (3, 1), (1, 1)])
def test_grey_and_colour(method, first, second):
    before, after = image(noise(20, 21, first)), image(noise(20, 21, second, seed=1))
    made = Regularize(method=method)(before, after)
    assert made.channels == max(first, second)
    assert made.space == ("gray" if made.channels == 1 else "srgb")


def test_alpha_and_metadata_are_those_of_the_moved_image():
    before, after = image(noise(9, 8, 3), meta={"stem": "a"}), image(noise(9, 8, 4), meta={"stem": "b"})
    made = Regularize()(before, after)
    assert made.meta["stem"] == "b"
    assert torch.equal(made.alpha, after.alpha)


def test_strips_make_no_difference():
    guide, values = noise(3, 600, 20), noise(3, 600, 20, seed=1)
    assert (
        np.abs(
            averaged(guide, values, None, radius=4, sigma=0.3)[:, 200:300]
            - averaged(guide[:, 150:350], values[:, 150:350], None, radius=4, sigma=0.3)[:, 50:150]
        ).max()
        < 1e-6
    )
    exact = guided(guide, values, None, radius=8, variance=0.01, step=2)
    part = guided(guide[:, 150:350], values[:, 150:350], None, radius=8, variance=0.01, step=2)
    assert np.abs(exact[:, 200:300] - part[:, 50:150]).max() < 1e-5


@pytest.mark.parametrize("method", METHODS)
def test_images_that_do_not_go_together_are_refused(method):
    regular = Regularize(method=method)
    first = image(noise(20, 20, 3))
    with pytest.raises(DataError, match="one size"):
        regular(first, image(noise(21, 20, 3)))
    with pytest.raises(DataError, match="one space"):
        regular(first, image(noise(20, 20, 3), space="linear"))
    with pytest.raises(DataError, match="channels"):
        regular(first, Image(torch.zeros(2, 20, 20), space="srgb"))
    for bad in (float("nan"), float("inf")):
        pixels = first.pixels.clone()
        pixels[1, 2, 3] = bad
        for pair in ((first, first.with_grid(pixels)), (first.with_grid(pixels), first)):
            with pytest.raises(DataError, match="finite"):
                regular(*pair)
