"""Palettes to look at: the colours that are there, each as wide as its share."""

import numpy as np
import pytest
import torch
from otframe_color.cloud_value import ColorCloud
from otframe_color.spaces import converted

from otframe import component
from otframe.errors import DataError
from otframe.interfaces import Context


def test_few_colors_are_shown_as_they_are():
    colors = torch.as_tensor([[0.9, 0.9, 0.2], [0.1, 0.1, 0.4], [0.5, 0.2, 0.2]])
    cloud = ColorCloud(colors, torch.as_tensor([0.5, 0.25, 0.25]))
    image = component("color.swatches", width=400, height=10)({"a": cloud}, ctx=Context())
    assert image.size == (10, 400)
    row = image.pixels[:, 0].T
    # dark to light: blue, red, yellow
    for place, wanted in ((5, 1), (150, 2), (390, 0)):
        assert torch.allclose(row[place], colors[wanted], atol=1e-4)
    share = float((row - colors[0]).abs().sum(1).lt(1e-3).double().mean())
    assert share == pytest.approx(0.5, abs=0.03)


def test_strips_stand_below_each_other_whatever_the_spaces():
    points = torch.rand(500, 3, generator=torch.Generator().manual_seed(0))
    clouds = {"a": ColorCloud(points), "b": ColorCloud(converted(points, "srgb", "lab"), None, "lab")}
    image = component("color.swatches", height=20, width=100)(clouds, ctx=Context(seed=1))
    assert image.size == (46, 100)
    assert np.allclose(image.numpy()[:20], image.numpy()[26:], atol=1e-3)
    assert image.meta["depth"] == "uint8"


def test_light_beyond_white_is_shown_white_and_nan_refused():
    bright = component("color.swatches")({"a": ColorCloud(torch.full((5, 3), 40.0), None, "linear")}, ctx=Context())
    assert float(bright.pixels.min()) == 1
    with pytest.raises(DataError):
        component("color.swatches")({"a": ColorCloud(torch.full((5, 3), torch.nan))}, ctx=Context())
