from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from otframe.errors import DataError
from otframe.parts.convert import Convert, from_linear, to_linear
from otframe.values import Image

SPACES = ("srgb", "linear", "gray")


def test_transfer_function_has_the_values_of_the_standard():
    coded = torch.tensor([0.0, 0.02, 0.04045, 0.5, 1.0], dtype=torch.float64)
    light = torch.tensor([0.0, 0.02 / 12.92, 0.0031308, 0.21404114, 1.0], dtype=torch.float64)
    assert torch.allclose(to_linear(coded), light, atol=1e-7)
    assert torch.allclose(from_linear(light), coded, atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.floats(-4, 4, width=32))
def test_transfer_function_is_odd_and_inverted(value):
    x = torch.tensor([value], dtype=torch.float64)
    assert torch.equal(to_linear(-x), -to_linear(x))
    assert torch.equal(from_linear(-x), -from_linear(x))
    # the standard's two branches meet only to about 1e-8
    assert torch.allclose(from_linear(to_linear(x)), x, atol=2e-7)


def test_round_trip_keeps_values_outside_the_range():
    image = Image(torch.randn(3, 9, 7, generator=torch.Generator().manual_seed(0)))
    there = Convert(space="linear")(image)
    assert there.space == "linear"
    assert torch.allclose(Convert()(there).pixels, image.pixels, atol=1e-5)


def test_grey_is_the_luminance_of_linear_light():
    image = Image(torch.tensor([1.0, 0.5, 0.0]).reshape(3, 1, 1))
    grey = Convert(space="gray")(image)
    light = 0.2126 + 0.7152 * 0.21404114
    assert grey.space == "gray"
    assert float(grey.pixels) == pytest.approx(1.055 * light ** (1 / 2.4) - 0.055, abs=1e-6)
    through = Convert(space="gray")(Convert(space="linear")(image))
    assert torch.allclose(through.pixels, grey.pixels, atol=1e-6)
    neutral = Image(torch.full((3, 2, 2), 0.4))
    assert torch.allclose(Convert(space="gray")(neutral).pixels, torch.full((1, 2, 2), 0.4), atol=1e-6)


@pytest.mark.parametrize("start", SPACES)
@pytest.mark.parametrize("end", SPACES)
def test_every_pair_keeps_what_belongs_to_the_image(start, end):
    pixels = torch.rand(1 if start == "gray" else 3, 3, 5)
    image = Image(pixels, torch.rand(3, 5), start, {"stem": "a", "icc": b"profile"})
    out = Convert(space=end)(image)
    assert out.space == end
    assert out.channels == (1 if end == "gray" else 3)
    assert out.alpha is image.alpha
    assert out.meta == (image.meta if start == end else {"stem": "a"})
    assert out.pixels.is_contiguous()
    again = Convert(space=end)(Convert(space=start)(out))
    assert torch.allclose(again.pixels, out.pixels, atol=1e-5)


def test_other_spaces_and_not_finite_values_are_refused():
    with pytest.raises(DataError, match="'lab'"):
        Convert()(Image(torch.rand(3, 2, 2), space="lab"))
    with pytest.raises(DataError, match="got 2"):
        Convert()(Image(torch.rand(2, 2, 2)))
    with pytest.raises(DataError, match="finite"):
        Convert(space="linear")(Image(torch.full((3, 2, 2), float("nan"))))
