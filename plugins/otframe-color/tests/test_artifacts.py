"""What is measured of artefacts, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_color.artifacts import ArtifactTable, measured

from otframe.errors import DataError
from otframe.values import Image


def picture(*shape: int, seed: int = 0, noise: float = 0.01) -> np.ndarray:
    """A smooth ramp with noise, away from both ends of the range."""
    height, width, channels = shape
    ramp = np.linspace(0.3, 0.6, width)[None, :, None] + np.linspace(0, 0.1, height)[:, None, None]
    return ramp + np.random.default_rng(seed).normal(0, noise, (height, width, channels))


def image(pixels: np.ndarray) -> Image:
    return Image.from_numpy(pixels.astype(np.float32))


@settings(max_examples=15, deadline=None)
@given(gain=st.floats(0.2, 1.4), channels=st.sampled_from([1, 3]), seed=st.integers(0, 99))
def test_an_affine_change_of_contrast_has_its_factor_as_noise_ratio_and_nothing_else(gain, channels, seed):
    pixels = picture(48, 60, channels, seed=seed)
    found = measured(image(pixels), image(gain * (pixels - 0.5) + 0.5))
    assert found.noise == pytest.approx(gain, rel=1e-3)
    assert found.worst_noise == pytest.approx(gain, rel=1e-3)
    assert found.gradients == pytest.approx(1, abs=1e-4)
    assert found.banding == pytest.approx(1, rel=1e-3)


def test_the_image_itself_has_no_artefacts():
    same = image(picture(40, 40, 3))
    found = measured(same, same)
    assert (found.noise, found.worst_noise, found.banding) == (1, 1, 1)
    assert found.gradients == pytest.approx(1, abs=1e-12)


def test_noise_that_is_added_counts_by_its_variance():
    pixels = picture(300, 300, 3)
    other = np.random.default_rng(1).normal(0, 0.02, pixels.shape)
    found = measured(image(pixels), image(pixels + other), flat=1.0)
    assert found.noise == pytest.approx(5**0.5, rel=0.02)


def test_a_plane_is_no_noise():
    pixels = picture(80, 80, 1)
    steep = np.linspace(0, 0.3, 80)[:, None, None]
    found = measured(image(pixels), image(pixels + steep))
    assert found.noise == pytest.approx(1, rel=1e-3)


def test_the_worst_noise_is_that_of_a_part():
    pixels = picture(200, 200, 1)
    gain = np.where(np.arange(200) < 40, 3.0, 1.0)[:, None, None]
    found = measured(image(pixels), image(gain * (pixels - 0.5) + 0.5), flat=1.0)
    assert found.noise == pytest.approx(1, rel=0.01)
    assert found.worst_noise == pytest.approx(3, rel=0.01)


@pytest.mark.parametrize("every", [2, 4, 8])
def test_an_even_ramp_of_which_every_few_steps_became_one_has_their_number_as_banding(every):
    level = np.arange(128)
    ramp = np.broadcast_to(level[None, :, None] / 256 + 0.2, (65, 128, 1))
    posterised = np.broadcast_to((level // every * every)[None, :, None] / 256 + 0.2, ramp.shape)
    found = measured(image(ramp), image(posterised))
    assert found.banding == pytest.approx(every, rel=0.1)  # windows of 32 steps hold whole bands, or one step more


def test_a_ramp_that_became_flat_has_as_much_banding_as_one_step():
    ramp = np.broadcast_to(np.arange(64)[None, :, None] / 256 + 0.2, (64, 64, 1))
    flat = np.full_like(ramp, 0.5)
    found = measured(image(ramp), image(flat))
    assert found.banding == pytest.approx(33 * 32)
    assert found.gradients == 0


def test_gradients_turned_round_and_at_right_angles():
    pixels = picture(50, 50, 1)
    assert measured(image(pixels), image(1 - pixels)).gradients == pytest.approx(-1, abs=1e-6)
    across, down = (
        np.broadcast_to(np.linspace(0.2, 0.8, 50).reshape(shape), (50, 50, 1)) for shape in ((1, 50, 1), (50, 1, 1))
    )
    assert measured(image(across), image(down)).gradients == pytest.approx(0, abs=1e-6)


def test_luminance_weighs_channels():
    pixels = picture(40, 40, 3)
    found = measured(image(pixels), image(pixels @ np.array([0.2126, 0.7152, 0.0722])[:, None]))
    assert found.gradients == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40, 1), (2, 2, 3), (6, 6, 1), (7, 7, 3)])
def test_small_images_are_measured_where_they_can_be(shape):
    pixels = picture(*shape)
    found = measured(image(pixels), image(pixels))
    assert (found.noise is not None) == (min(shape[:2]) >= 7)
    assert (found.banding is not None) == (min(shape[:2]) >= 2)
    assert (found.gradients is not None) == (shape[:2] != (1, 1))


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_there_is_nothing_to_measure_on_a_constant_image(value):
    flat = image(np.full((50, 50, 3), value))
    found = measured(flat, image(picture(50, 50, 3)))
    assert (found.noise, found.worst_noise, found.gradients, found.banding) == (None,) * 4


def test_clipped_places_do_not_count():
    pixels = picture(120, 120, 1)
    clipped = pixels.copy()
    clipped[:60] = 1.0
    assert measured(image(pixels), image(clipped)).noise == pytest.approx(1, abs=1e-6)


def test_high_dynamic_range_has_no_upper_end():
    pixels = picture(60, 60, 3) * 4
    assert measured(image(pixels), image(pixels * 2)).noise == pytest.approx(2, rel=1e-3)


def test_the_table_has_a_row_named_by_the_image():
    before = Image.from_numpy(picture(40, 40, 3).astype(np.float32), meta={"stem": "sky"})
    made = ArtifactTable()(before, before)
    assert made.rows[0][0] == "sky"
    assert len(made.rows) == 1
    assert len(made.better) == len(made.columns)


def test_images_that_do_not_go_together_are_refused():
    first = image(picture(20, 20, 3))
    with pytest.raises(DataError, match="one size"):
        measured(first, image(picture(20, 21, 3)))
    with pytest.raises(DataError, match="one space"):
        measured(first, Image.from_numpy(picture(20, 20, 3).astype(np.float32), space="linear"))
    pixels = first.pixels.clone()
    pixels[0, 0, 0] = float("nan")
    with pytest.raises(DataError, match="finite"):
        measured(first, first.with_grid(pixels))
