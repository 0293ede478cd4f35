"""Palettes: what counts and how much, in bounded memory, whatever the order."""

from types import MappingProxyType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_color.sketch import counted, drawn, merged

from otframe import component
from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.values import Image


def image(height=20, width=30, seed=0, alpha=None, **extra):
    pixels = torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))
    return Image(pixels, alpha, **extra)


def palette(*images, masks=None, seed=0, **options):
    cloud = component("color.cloud", **options)
    masks = masks or [None] * len(images)
    states = [
        cloud.lift(one, mask, ctx=Context(seed=seed, key=str(k)))
        for k, (one, mask) in enumerate(zip(images, masks, strict=True))
    ]
    state = states[0]
    for other in states[1:]:
        state = cloud.merge(state, other)
    return cloud.finish(state)


def mean(cloud):
    weights = torch.ones(cloud.count) if cloud.weights is None else cloud.weights
    return (cloud.points.double() * weights[:, None].double()).sum(0) / weights.sum()


def test_a_small_image_counts_whole():
    one = image()
    cloud = palette(one)
    assert cloud.count == 600
    assert cloud.weights is None
    assert torch.equal(cloud.points.sort(0).values, one.pixels.flatten(1).T.sort(0).values)


def test_a_histogram_keeps_the_mean_and_the_mass_of_each_cell():
    one, two = image(), image(33, 40, 1)
    cloud = palette(one, two, bits=3)
    whole = torch.cat([one.pixels.flatten(1), two.pixels.flatten(1)], 1).T.double()
    assert cloud.count == len((whole * 8).floor().unique(dim=0))
    assert torch.allclose(mean(cloud), whole.mean(0), atol=1e-7)
    assert float(cloud.weights.sum()) == pytest.approx(1)
    first = (whole < 1 / 8).all(1)
    cell = (cloud.points < 1 / 8).all(1)
    assert float(cloud.weights[cell]) == pytest.approx(float(first.double().mean()))


def test_histograms_of_light_reach_far_above_white():
    bright = Image(torch.rand(3, 9, 9) * 1000, space="linear")
    cloud = palette(bright, bits=8, space="linear")
    assert float(cloud.points.max()) > 500
    with pytest.raises(DataError, match="colours lie beyond"):
        palette(Image(torch.full((3, 2, 2), 1e7), space="linear"), bits=8, space="linear")


def test_a_sample_of_two_images_counts_their_pixels():
    dark, bright = Image(torch.zeros(3, 300, 400)), Image(torch.ones(3, 100, 400))
    share = float(mean(palette(dark, bright, samples=4000))[0])
    assert share == pytest.approx(0.25, abs=0.03)  # four standard deviations
    even = float(mean(palette(dark, bright, samples=4000, balance="images"))[0])
    assert even == pytest.approx(0.5, abs=0.035)


def test_alpha_and_masks_say_what_counts():
    pixels = torch.zeros(3, 10, 10)
    pixels[:, :, 5:] = 1
    alpha = torch.ones(10, 10)
    alpha[:, 5:] = 0.5
    assert float(mean(palette(Image(pixels, alpha)))[0]) == pytest.approx(1 / 3, abs=1e-6)
    mask = Image(torch.zeros(1, 10, 10), space="gray")
    mask.pixels[:, :, 7:] = 1
    assert float(mean(palette(Image(pixels), masks=[mask]))[0]) == 1
    assert float(mean(palette(Image(pixels, alpha), masks=[mask], bits=4))[0]) == 1
    colored = Image(mask.pixels.expand(3, -1, -1).clone())
    assert float(mean(palette(Image(pixels), masks=[colored]))[0]) == 1


@pytest.mark.parametrize("options", [{}, {"bits": 4}, {"balance": "images"}])
def test_what_cannot_be_seen_is_no_palette(options):
    nothing = image(alpha=torch.zeros(20, 30))
    with pytest.raises(DataError, match="no pixel counts"):
        palette(nothing, **options)
    # beside an image that can be seen it does not count
    assert torch.allclose(
        mean(palette(nothing, image(seed=3), **options)), mean(palette(image(seed=3), **options)), atol=1e-6
    )


def test_bad_input_is_told():
    broken = image()
    broken.pixels[0, 0, 0] = torch.nan
    with pytest.raises(DataError, match="1 values that are NaN"):
        palette(broken)
    with pytest.raises(DataError, match="height and width"):
        palette(image(), masks=[image(19, 30)])
    with pytest.raises(DataError, match="in 'lab'"):
        palette(image(space="lab"))
    with pytest.raises(DataError, match="not negative"):
        palette(image(alpha=torch.full((20, 30), -1.0)))


def test_grey_gives_greys():
    grey = Image(torch.rand(1, 8, 8), space="gray", meta=MappingProxyType({"depth": "uint8"}))
    cloud = palette(grey, space="oklab")
    assert float(cloud.points[:, 1:].abs().max()) < 1e-6


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=3, max_size=3), st.integers(1, 40), st.integers(0, 1000))
def test_merging_does_not_depend_on_the_grouping(sizes, count, seed):
    rng = torch.Generator().manual_seed(seed)
    states = []
    for k, size in enumerate(sizes):
        index, masses, keys, least = drawn(None, size, count, rng)
        points = torch.stack([index.double(), torch.full_like(index, k).double(), index.double()], 1)
        from otframe_color.sketch import ColorSketch

        states.append(ColorSketch(points, masses, keys, float(least)))
    a, b, c = states
    left = merged(merged(a, b, count), c, count)
    right = merged(a, merged(b, c, count), count)
    turned = merged(merged(c, b, count), a, count)
    for other in (right, turned):
        assert torch.equal(left.points, other.points)
        assert torch.equal(left.order, other.order)
        assert left.threshold == other.threshold
    assert len(left.points) == min(count, sum(sizes))


def test_priority_samples_estimate_sums_without_bias():
    rng = torch.Generator().manual_seed(0)
    weights = torch.rand(400, generator=rng, dtype=torch.float64) ** 4
    value = torch.arange(400, dtype=torch.float64)
    from otframe_color.sketch import ColorSketch

    found = []
    for _ in range(4000):
        index, masses, keys, least = drawn(weights, 400, 100, rng)
        sketch = ColorSketch(value[index][:, None].expand(-1, 3), masses, keys, float(least))
        found.append(float((sketch.weights() * sketch.points[:, 0]).sum()))
    true = float((weights * value).sum())
    spread = float(np.std(found)) / len(found) ** 0.5
    assert abs(np.mean(found) - true) < 4 * spread


def test_pixels_of_large_images_are_drawn_by_weight():
    rng = torch.Generator().manual_seed(0)
    weights = torch.cat([torch.full((50_000,), 3.0), torch.zeros(50_000), torch.ones(50_000)]).double()
    index, masses, keys, least = drawn(weights, 150_000, 2000, rng)
    assert int((index < 50_000).sum()) == 1500
    assert not bool(((index >= 50_000) & (index < 100_000)).any())
    assert bool((keys.diff() > 0).all())
    assert float(least) > float(keys[-1])
    # arrivals of a process of rate 200,000: the 2001st is at 1e-2 give or take 2 %
    assert float(least) == pytest.approx(2001 / 200_000, rel=0.1)
    assert bool((masses > 0).all())


def test_cells_without_mass_are_left_out():
    points = torch.rand(50, 3)
    weights = torch.zeros(50, dtype=torch.float64)
    weights[3] = 2
    sketch = counted(points, weights, 4)
    assert torch.allclose(sketch.points, points[3:4])
    assert float(sketch.masses) == 2


def test_a_cut_out_counts_by_what_can_be_seen():
    """Few heavy pixels among many: none is drawn twice, and the weights of samples are estimates of theirs."""
    alpha = torch.zeros(400, 400)
    alpha[:10, :20] = 1
    bright, dark = Image(torch.ones(3, 400, 400), alpha), Image(torch.zeros(3, 10, 20))
    for balance in ("pixels", "images"):
        share = float(mean(palette(bright, dark, samples=300, balance=balance))[0])
        assert share == pytest.approx(0.5, abs=0.12)
    cloud = component("color.cloud", samples=500)
    state = cloud.lift(bright, ctx=Context())
    assert len(state.points) == 200
    assert float(state.weights().sum()) == pytest.approx(200)


def test_a_feathered_mask_is_estimated_without_bias():
    y, x = torch.meshgrid(torch.linspace(-1, 1, 300), torch.linspace(-1, 1, 300), indexing="ij")
    mask = Image((1 - (x**2 + y**2).sqrt()).clamp(0, 1)[None] ** 3, space="gray")
    pixels = torch.stack([x, y, x * y])
    cloud = component("color.cloud", samples=2000)
    found = []
    for seed in range(40):
        state = cloud.lift(Image(pixels), mask, ctx=Context(seed=seed))
        found.append(float(state.weights().sum()))
    true = float(mask.pixels.double().sum())
    assert abs(np.mean(found) / true - 1) < 4 * np.std(found) / true / 40**0.5 + 1e-3
    index, masses, _, _ = drawn(mask.pixels.flatten().double(), 90_000, 2000, torch.Generator().manual_seed(0))
    assert torch.equal(masses, mask.pixels.flatten().double()[index])


def test_half_precision_images_have_the_palette_of_the_same_colors():
    one = image()
    half = Image(one.pixels.half())
    wanted = palette(Image(half.pixels.float()), space="lab").points
    assert torch.allclose(palette(half, space="lab").points, wanted, atol=1e-6)


def test_histograms_go_piece_by_piece(monkeypatch):
    from otframe_color import cloud as module

    alpha = torch.rand(20, 30, generator=torch.Generator().manual_seed(1))
    whole = palette(image(alpha=alpha), bits=3, space="lab")
    monkeypatch.setattr(module, "_PIECE", 100)
    parts = palette(image(alpha=alpha), bits=3, space="lab")
    assert torch.allclose(whole.points, parts.points, atol=1e-6)
    assert torch.allclose(whole.weights, parts.weights)
