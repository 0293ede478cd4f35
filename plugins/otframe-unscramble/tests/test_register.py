"""Registration: pictures that are known as functions, displaced exactly, are found again."""

from __future__ import annotations

import pytest
import torch
from otframe_unscramble.aligning.displace import displaced
from otframe_unscramble.aligning.register import correlated, refined

SIDE = 24


def spots(v, *, seed=0, size=1.6, amount=6, even=True):
    """Gaussian spots at random places plus `v (m, 2)`, as a function of the place: `(m, H, W)`. As dark as bright?"""
    random = torch.Generator().manual_seed(seed)
    m = len(v)
    places = SIDE / 2 - 0.5 + (torch.rand(m, amount, 2, generator=random, dtype=torch.float64) - 0.5) * 0.35 * SIDE
    heights = 0.3 + torch.rand(m, amount, generator=random, dtype=torch.float64)
    heights = heights - heights.mean(1, keepdim=True) if even else heights
    places = places + v.double()[:, None]
    line = torch.arange(SIDE, dtype=torch.float64)
    down, right = ((-0.5 * ((line - places[:, :, axis, None]) / size) ** 2).exp() for axis in (0, 1))
    return torch.einsum("mk,mki,mkj->mij", heights, down, right).float()


def drawn(m, spread, seed=5):
    return spread * torch.randn(m, 2, generator=torch.Generator().manual_seed(seed))


def noise(like, size, seed=9):
    return size * torch.randn(like.shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("band", [0.4, 0.7])
def test_correlation_finds_parts_of_a_pixel(band):
    v = drawn(60, 1.0).clamp(-2.5, 2.5)
    found = correlated(spots(0 * v), spots(v), 4.0, band=band)
    assert float((found - v).abs().max()) < 0.02
    # bright pictures are pulled a little towards where they are by the taper: least squares goes on from there
    bright = correlated(spots(0 * v, even=False), spots(v, even=False), 4.0, band=band)
    assert bool(((bright - v).abs() < 0.02 + 0.25 * v.abs()).all())


@pytest.mark.parametrize("kind", ["cubic", "lanczos"])
def test_least_squares_finds_parts_of_a_pixel(kind):
    v = drawn(40, 1.0)
    start = v + drawn(40, 0.3, seed=6).clamp(-0.6, 0.6)
    found = refined(spots(0 * v), spots(v), start, kind, steps=6)
    assert float((found - v).abs().max()) < 0.02


def test_least_squares_is_exact_for_its_own_interpolation():
    pictures, v = spots(drawn(30, 0.0)), drawn(30, 1.0)
    found = refined(pictures, displaced(pictures, v), v + 0.2, "linear", steps=12)
    assert float((found - v).abs().max()) < 1e-3


def test_noise_and_faint_predictions_do_not_bias_it():
    """Predictions that are too weak and wrong in ways of their own: errors have no direction, nor pull to 0."""
    count = 1500
    v = torch.tensor([[0.8, -0.45]]).expand(count, 2)
    seen = spots(v, seed=1)
    predicted = 0.3 * spots(0 * v, seed=1)
    predicted, seen = predicted + noise(predicted, 0.03), seen + noise(seen, 0.1, seed=10)
    off = correlated(predicted, seen, 3.0) - v
    sure = off.std(0) / count**0.5
    assert float(off.std()) > 0.02, "there is something to average"
    assert bool((off.mean(0).abs() < 4 * sure).all())
    assert float(off.mean(0).abs().max()) < 0.01


def test_groups_share_a_displacement_and_what_tells_it():
    v = drawn(80, 1.0).clamp(-2, 2)
    each = v.repeat_interleave(3, 0)
    predicted = spots(0 * each, size=1.2, amount=2)
    seen = spots(each, size=1.2, amount=2)
    seen = seen + noise(seen, 0.3)
    alone = correlated(predicted, seen, 3.0) - each
    shared = correlated(predicted, seen, 3.0, group=3) - v
    assert shared.shape == (80, 2)
    assert float(shared.abs().median()) < 0.75 * float(alone.abs().median())
    # three copies say what one says
    copied = (picture.repeat_interleave(3, 0) for picture in (predicted, seen))
    again = refined(*copied, (each * 0.9), "linear", group=3)
    assert torch.allclose(again, refined(predicted, seen, each * 0.9, "linear"), atol=1e-4)


def test_a_spread_that_is_expected_holds_back_what_is_not_sure():
    v = torch.zeros(200, 2)
    predicted = spots(v)
    lost = noise(predicted, 1.0)  # nothing of the picture
    free = correlated(predicted, lost, 4.0)
    held = correlated(predicted, lost, 4.0, spread=0.5)
    assert float(free.square().mean().sqrt()) > 2 * float(held.square().mean().sqrt())
    # what is sure stays where it is
    far = v + torch.tensor([2.0, -1.5])
    assert float((correlated(predicted, spots(far), 4.0, spread=0.5) - far).abs().max()) < 0.05


@pytest.mark.parametrize("reach", [0.5, 1.0, 2.0])
def test_nothing_is_looked_for_beyond_the_reach(reach):
    v = torch.tensor([[3.5, -3.5]]).expand(20, 2)
    found = correlated(spots(0 * v), spots(v), reach)
    assert float(found.abs().max()) <= reach + 1e-6
    assert float(correlated(spots(0 * v), spots(v), 4.0)[0, 0]) == pytest.approx(3.5, abs=0.05)


def test_pictures_that_tell_nothing_stay():
    black = torch.zeros(4, SIDE, SIDE)
    start = drawn(4, 1.0)
    assert torch.equal(refined(black, black, start, "linear"), start)
    for found in (correlated(black, black, 3.0), correlated(spots(start), black, 3.0)):
        assert torch.equal(found, torch.zeros(4, 2))


def test_stripes_keep_their_place_along_themselves():
    line = torch.arange(SIDE) - 11.5
    stripe = (-0.5 * (line / 2) ** 2).exp()[None, :, None].expand(1, SIDE, SIDE)
    seen = (-0.5 * ((line - 0.6) / 2) ** 2).exp()[None, :, None].expand(1, SIDE, SIDE)
    found = refined(stripe, seen, torch.tensor([[0.0, 0.3]]), "linear", steps=8, dark=False)
    assert float(found[0, 0]) == pytest.approx(0.6, abs=0.05)
    assert float(found[0, 1]) == pytest.approx(0.3, abs=0.01)


def test_a_clip_takes_outliers_their_pull():
    v = drawn(40, 0.5)
    predicted, seen = spots(0 * v), spots(v)
    seen[:, 9:12, 12:15] = 6.0  # something bright in front
    plain, held = (refined(predicted, seen, v, "linear", steps=6, clip=clip) for clip in (None, 0.02))
    assert float((held - v).square().mean()) < 0.1 * float((plain - v).square().mean())


def test_what_comes_from_outside_does_not_count_unless_it_is_dark():
    v = torch.tensor([[1.5, -1.25]]).expand(30, 2)
    wide = spots(0 * v, size=5.0, even=False)  # bright at the borders
    seen = spots(v, size=5.0, even=False)
    free, dark = (refined(wide, seen, v + 0.1, "cubic", steps=8, dark=dark) for dark in (False, True))
    assert float((free - v).abs().max()) < 0.02
    assert float((dark - v).abs().mean()) > 4 * float((free - v).abs().mean())
