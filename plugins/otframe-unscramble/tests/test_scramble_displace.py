"""Pictures displaced: closed forms, and independent peers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_unscramble.scrambling import displace
from otframe_unscramble.scrambling.displace import shifted, warped
from scipy import ndimage

from otframe.errors import DataError

MODES = [(mode, edge) for mode in ("linear", "cubic", "fourier") for edge in ("zero", "replicate")]


def noise(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(3), dtype=dtype)


def smooth(size: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """A bump in the middle, dark at the borders."""
    line = torch.arange(size, dtype=dtype) - (size - 1) / 2
    bump = (-line.square() / (0.02 * size**2)).exp()
    return (bump[:, None] * bump)[None, None]


def moved(plane: np.ndarray, down: int, right: int, edge: str) -> np.ndarray:
    """A whole shift, pixel by pixel."""
    height, width = plane.shape
    made = np.zeros_like(plane)
    for i in range(height):
        for j in range(width):
            a, b = i - down, j - right
            if edge == "replicate":
                a, b = min(max(a, 0), height - 1), min(max(b, 0), width - 1)
            if 0 <= a < height and 0 <= b < width:
                made[i, j] = plane[a, b]
    return made


@pytest.mark.parametrize(("mode", "edge"), MODES)
@settings(max_examples=10, deadline=None)
@given(steps=st.lists(st.integers(-9, 9), min_size=4, max_size=4))
def test_whole_shifts_are_exact(mode, edge, steps):
    pictures = noise(1, 2, 6, 5)
    shifts = torch.tensor(steps, dtype=torch.float32).view(1, 2, 2)
    wanted = [moved(pictures[0, c].numpy(), steps[2 * c], steps[2 * c + 1], edge) for c in range(2)]
    assert np.array_equal(shifted(pictures, shifts, mode, edge)[0].numpy(), np.stack(wanted))


@pytest.mark.parametrize(("order", "mode", "tolerance"), [(1, "linear", 1e-12), (3, "cubic", 0.02)])
def test_parts_of_a_pixel_are_those_of_a_peer(order, mode, tolerance):
    """Linear interpolation has one meaning; Keys' cubic is near the spline on what is smooth."""
    picture = noise(1, 1, 9, 11, dtype=torch.float64) if order == 1 else smooth(24)
    made = shifted(picture, torch.tensor([[[0.3, -1.6]]]), mode, "replicate")[0, 0].numpy()
    wanted = ndimage.shift(picture[0, 0].numpy(), (np.float32(0.3), np.float32(-1.6)), order=order, mode="nearest")
    assert np.abs(made - wanted).max() < tolerance


def test_half_a_pixel_at_a_zero_edge_mixes_with_nothing():
    made = shifted(torch.ones(1, 1, 3, 4), torch.tensor([[[0.5, -0.25]]]))[0, 0]
    assert torch.equal(made, torch.tensor([0.5, 1, 1])[:, None] * torch.tensor([1, 1, 1, 0.75]))


def test_keys_cubic_keeps_a_parabola():
    """It is exact for polynomials of degree 2, away from the borders; linear interpolation is not."""
    line = torch.arange(12, dtype=torch.float64)
    picture = (line.square()[:, None] + line)[None, None]
    wanted = (line - 0.4).square()[:, None] + line + 0.7
    for mode, right in (("cubic", True), ("linear", False)):
        made = shifted(picture, torch.tensor([[[0.4, -0.7]]], dtype=torch.float64), mode)[0, 0]
        assert torch.allclose(made[3:-3, 3:-3], wanted[3:-3, 3:-3], atol=1e-9) == right


@pytest.mark.parametrize("edge", ["zero", "replicate"])
def test_phases_move_a_band_limited_bump_exactly_and_there_and_back(edge):
    size, steps = 32, torch.tensor([[[1.3, -0.45]]], dtype=torch.float64)
    picture = smooth(size)
    line = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    bumps = [(-(line - float(step)).square() / (0.02 * size**2)).exp() for step in steps[0, 0]]
    there = shifted(picture, steps, "fourier", edge)
    assert torch.allclose(there[0, 0], bumps[0][:, None] * bumps[1], atol=1e-4)
    assert torch.allclose(shifted(there, -steps, "fourier", edge), picture, atol=1e-4)


def test_a_constant_picture_stays_constant_where_borders_go_on():
    for mode in ("linear", "cubic", "fourier"):
        made = shifted(torch.full((1, 1, 7, 8), 0.7), torch.tensor([[[3.3, -12.8]]]), mode, "replicate")
        assert torch.allclose(made, torch.tensor(0.7), atol=1e-6)


def test_phases_do_not_ring_between_borders_that_differ():
    """A dark side does not meet a bright one around the corner."""
    line = torch.linspace(0, 1, 24, dtype=torch.float64)
    made = shifted(line.expand(1, 1, 24, 24), torch.tensor([[[0.5, 0.5]]]), "fourier", "replicate")[0, 0]
    assert float((made[:, 8:-8] - (line - 0.5 / 23)[8:-8]).abs().max()) < 5e-4


def test_every_picture_has_its_own_shift_whatever_is_moved_at_a_time(monkeypatch):
    pictures, shifts = noise(5, 2, 6, 7), 2 * noise(5, 2, 2) - 1
    fields = 4 * noise(5, 2, 6, 7) - 2
    whole, bent = shifted(pictures, shifts), warped(pictures, fields)
    monkeypatch.setattr(displace, "_AT_ONCE", 2 * 2 * 6 * 7)
    assert torch.equal(shifted(pictures, shifts), whole)
    assert torch.equal(warped(pictures, fields), bent)
    alone = shifted(pictures[3:4, 1:], shifts[3:4, 1:])
    assert torch.equal(alone[0, 0], whole[3, 1])


@pytest.mark.parametrize("edge", ["zero", "replicate"])
def test_a_field_that_is_the_same_everywhere_is_a_shift(edge):
    pictures, steps = noise(2, 3, 9, 7), torch.tensor([[1.25, -0.5], [-2.0, 3.75]])
    made = warped(pictures, steps[:, :, None, None].expand(2, 2, 9, 7), edge)
    assert torch.allclose(made, shifted(pictures, steps[:, None].expand(2, 3, 2), "linear", edge), atol=1e-5)


def test_a_warp_is_that_of_a_peer():
    picture, field = noise(1, 1, 9, 11, dtype=torch.float64), 5 * noise(1, 2, 9, 11, dtype=torch.float64) - 2
    at = np.indices((9, 11)) - field[0].numpy()
    wanted = ndimage.map_coordinates(picture[0, 0].numpy(), at, order=1, mode="nearest")
    assert np.abs(warped(picture, field, "replicate")[0, 0].numpy() - wanted).max() < 1e-9


def test_huge_shifts_leave_nothing_or_the_border():
    pictures = noise(1, 1, 4, 5)
    shifts = torch.tensor([[[1e30, 0.5]]])
    for mode in ("linear", "cubic"):
        assert not shifted(pictures, shifts, mode).any()
    for step, border in ((1e30, pictures[:, :, :1]), (-1e30, pictures[:, :, -1:])):
        made = shifted(pictures, torch.tensor([[[step, 0.0]]]), "linear", "replicate")
        assert torch.equal(made, border.expand(1, 1, 4, 5))


def test_what_does_not_fit_is_refused():
    for call in (
        lambda: shifted(noise(2, 3, 4, 4), torch.zeros(2, 1, 2)),
        lambda: shifted(noise(2, 3, 4, 4), torch.full((2, 3, 2), torch.nan)),
        lambda: shifted(noise(3, 4, 4), torch.zeros(3, 2)),
        lambda: warped(noise(2, 3, 4, 4), torch.zeros(2, 2, 4, 5)),
        lambda: warped(noise(2, 3, 4, 4).half(), torch.zeros(2, 2, 4, 4)),
    ):
        with pytest.raises(DataError, match="wanted"):
            call()
