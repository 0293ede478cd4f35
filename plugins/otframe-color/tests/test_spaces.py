"""Working spaces: there and back anywhere, and equal to independent libraries where these are defined."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from otframe_color.spaces import SPACES, converted

from otframe.errors import DataError

COLORS = torch.rand(2000, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("start", ["srgb", "linear"])
def test_there_and_back_far_outside_of_the_display_range(space, start):
    wide = (COLORS - 0.4) * 8
    back = converted(converted(wide, start, space), space, start)
    assert float((back - wide).abs().max()) < 1e-10


@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(-50, 50), st.sampled_from(SPACES), st.sampled_from(SPACES))
def test_any_color_through_any_two_spaces(r, g, b, first, second):
    color = torch.as_tensor([[r, g, b]], dtype=torch.float64)
    there = converted(converted(color, "linear", first), first, second)
    back = converted(there, second, "linear")
    assert bool(torch.isfinite(there).all())
    assert float((back - color).abs().max()) < 1e-8 * max(1.0, float(color.abs().max()))


def test_lab_is_that_of_scikit_image():
    skimage = pytest.importorskip("skimage.color")
    ours = converted(COLORS, "srgb", "lab").numpy() * 100
    assert np.abs(ours - skimage.rgb2lab(COLORS.numpy())).max() < 0.02  # its matrix has six digits


def test_ycbcr_is_that_of_opencv():
    import cv2

    wide = COLORS.float().numpy()[None]
    theirs = cv2.cvtColor(wide, cv2.COLOR_RGB2YCrCb)[0][:, [0, 2, 1]] - np.asarray([0, 0.5, 0.5])
    assert np.abs(converted(COLORS, "srgb", "ycbcr").numpy() - theirs).max() < 2e-3  # its factors have three digits


def test_oklab_and_acescct_have_their_published_values():
    # Ottosson's table gives Oklab of XYZ; white and sRGB's red follow from its matrices
    white = converted(torch.ones(1, 3, dtype=torch.float64), "linear", "oklab")
    assert np.allclose(white.numpy(), [[1, 0, 0]], atol=1e-6)
    red = converted(torch.as_tensor([[1.0, 0, 0]], dtype=torch.float64), "srgb", "oklab")
    assert np.allclose(red.numpy(), [[0.627955, 0.224863, 0.125846]], atol=1e-5)
    # S-2016-001: mid-grey 0.18 is coded 0.4135884, 1.0 is coded 0.5547945
    grey = converted(torch.as_tensor([[0.18, 1.0, 0.0]], dtype=torch.float64), "linear", "log")
    assert np.allclose(grey.numpy(), [[0.4135884, 0.5547945, 0.0729055]], atol=1e-6)


def test_what_is_no_color_is_refused():
    with pytest.raises(DataError, match="floating point"):
        converted(torch.zeros(4, 2), "srgb", "lab")
    with pytest.raises(DataError, match="floating point"):
        converted(torch.zeros(4, 3, dtype=torch.uint8), "srgb", "lab")
