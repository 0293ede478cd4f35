"""Histograms of single channels: exact where surroundings tell pixels apart, and never torn where they do not."""

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from otframe_color.quantiles import of_values
from otframe_color.ranks import ranked
from scipy.stats import rankdata

from otframe import component
from otframe.errors import DataError
from otframe.values import Image


def grey(array):
    return Image(torch.as_tensor(np.asarray(array), dtype=torch.float32)[None], space="gray")


def eight_bit(seed, shape=(64, 80)):
    noise = np.random.default_rng(seed).integers(0, 12, shape)
    slope = np.linspace(40, 90, shape[1]).round()
    return ((noise + slope) / 255).astype(np.float32)


def test_ranks_are_those_of_scipy():
    plane = eight_bit(0)
    order, edges = ranked(plane, None, local=False)
    sizes = np.diff(edges)
    middle = np.empty(plane.size)
    middle[order] = np.repeat((edges[:-1] + edges[1:] + 1) / 2, sizes)
    assert np.array_equal(middle, rankdata(plane.ravel()))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_darker_pixels_never_come_out_brighter(seed, local):
    plane = eight_bit(seed, (9, 11)) - 0.2  # below 0 too
    made = component("color.equalize", ties="local" if local else "mean")(grey(plane)).pixels[0].numpy()
    values, result = plane.ravel(), made.ravel()
    order = np.argsort(values, kind="stable")
    rises = values[order][1:] > values[order][:-1]
    assert (np.diff(result[order])[rises] >= 0).all()
    assert 0 < result.min() < result.max() < 1
    assert result.mean() == pytest.approx(0.5, abs=1e-6)


def test_ties_are_told_apart_and_the_histogram_is_flat():
    made = component("color.equalize")(grey(eight_bit(1))).pixels[0].numpy()
    counts = np.histogram(made, 16, (0, 1))[0]
    assert counts.max() - counts.min() <= 4  # of 320; pixels whose surroundings agree share a place
    plain = component("color.equalize", ties="mean")(grey(eight_bit(1))).pixels[0].numpy()
    rough = np.histogram(plain, 16, (0, 1))[0]
    assert rough.max() - rough.min() > 40


def test_specification_gives_the_quantiles_of_the_reference():
    rng = np.random.default_rng(0)
    plane = rng.permutation(600).reshape(20, 30) / 600
    reference = rng.random((20, 30)) ** 2
    made = component("color.specify")(grey(plane), grey(reference)).pixels[0].numpy()
    assert np.allclose(np.sort(made.ravel()), np.sort(reference.ravel()), atol=1e-6)
    # the transport on the line is the optimal one
    cost = float(np.mean((made - plane.astype(np.float32)) ** 2))
    assert cost == pytest.approx(ot.emd2_1d(plane.ravel(), reference.ravel()), rel=1e-4)


def test_a_stretch_of_ranks_is_worth_the_plan_s_mean():
    source, target = np.asarray([0.1, 0.1, 0.5, 0.9, 0.9]), np.asarray([0.0, 0.3, 0.7])
    plan = ot.emd_1d(source, target)
    wanted = (plan @ target) / plan.sum(1)
    quantiles = of_values(target)
    edges = np.asarray([0, 2, 3, 5]) / 5
    worth = np.diff(quantiles(edges)) / np.diff(edges)
    means = [wanted[:2].mean(), wanted[2], wanted[3:].mean()]
    assert np.allclose(worth, means)


def test_midway_is_the_same_for_both_and_between_them():
    a, b = eight_bit(2), (eight_bit(3, (50, 60)) * 2)
    pair = component("color.midway")(grey(a), grey(b))
    first, second = (np.quantile(each.pixels.numpy(), np.linspace(0.02, 0.98, 25)) for each in (pair.a, pair.b))
    wanted = [np.quantile(each, np.linspace(0.02, 0.98, 25)) for each in (a, b)]
    assert np.abs(first - second).max() < 2e-3
    assert np.abs(first - (wanted[0] + wanted[1]) / 2).max() < 5e-3
    ends = component("color.midway", t=0.0)(grey(a), grey(b))
    assert np.abs(ends.a.pixels.numpy() - a).max() < 1e-6


def test_hue_stays_where_lightness_alone_is_moved():
    from otframe_color.spaces import converted

    image = Image(torch.rand(3, 12, 9, generator=torch.Generator().manual_seed(0)))
    for name, arguments in (("equalize", ()), ("specify", (Image(torch.rand(3, 5, 5)),))):
        made = component(f"color.{name}")(image, *arguments)
        before, after = (converted(one.pixels.movedim(0, -1), "srgb", "oklab") for one in (image, made))
        assert torch.allclose(before[..., 1:], after[..., 1:], atol=1e-4)


@pytest.mark.parametrize("options", [{}, {"ties": "mean"}, {"channels": "each"}])
def test_constant_images_stay_constant(options):
    flat = Image(torch.full((3, 7, 9), 0.3))
    made = component("color.equalize", **options)(flat)
    assert float(made.pixels.std((1, 2)).max()) < 1e-6
    assert bool(torch.isfinite(made.pixels).all())
    pixel = component("color.equalize", **options)(Image(torch.full((3, 1, 1), 0.3)))
    assert bool(torch.isfinite(pixel.pixels).all())


def test_transparent_pixels_neither_count_nor_change():
    plane = torch.rand(1, 10, 10, generator=torch.Generator().manual_seed(0))
    alpha = torch.ones(10, 10)
    alpha[:5] = 0
    made = component("color.equalize")(Image(plane, alpha, "gray"))
    assert torch.equal(made.pixels[0, :5], plane[0, :5])
    assert made.pixels[0, 5:].sort(stable=True).values.flatten().numpy().mean() == pytest.approx(0.5)
    nothing = Image(plane, torch.zeros(10, 10), "gray")
    assert torch.equal(component("color.equalize")(nothing).pixels, plane)
    with pytest.raises(DataError, match="all of the reference is transparent"):
        component("color.specify")(Image(plane, space="gray"), nothing)


def test_grey_and_color_meet():
    colored, plain = Image(torch.rand(3, 6, 6)), grey(np.random.default_rng(0).random((6, 6)))
    assert component("color.specify")(plain, colored).channels == 1
    assert component("color.specify", channels="each")(colored, plain).channels == 3
    with pytest.raises(DataError, match="both grey or both in colour|both images are grey"):
        component("color.midway")(colored, plain)


def test_strength_goes_part_of_the_way():
    plane = eight_bit(4)
    whole = component("color.equalize", channels="each")(grey(plane)).pixels.numpy()
    half = component("color.equalize", channels="each", strength=0.5)(grey(plane)).pixels.numpy()
    none = component("color.equalize", channels="each", strength=0.0)(grey(plane)).pixels.numpy()
    assert np.allclose(half, (plane + whole) / 2, atol=1e-6)
    assert np.allclose(none, plane)


def test_hidden_colors_do_not_count():
    plane = torch.as_tensor(eight_bit(5))[None]
    alpha = torch.ones(64, 80)
    alpha[20:40, 20:50] = 0
    made = []
    for hidden in (0.0, 1.0, 1e6):
        pixels = torch.where(alpha > 0, plane, hidden)
        found = component("color.equalize")(Image(pixels, alpha, "gray")).pixels
        assert torch.equal(found[0][alpha == 0], pixels[0][alpha == 0])
        made.append(found[0][alpha > 0])
    # but for the rounding of means
    assert float((made[0] - made[1]).abs().mean()) < 1e-3
    assert float((made[0] - made[2]).abs().mean()) < 1e-3


def test_transparent_pixels_of_color_images_are_left_bit_for_bit():
    pixels = torch.rand(3, 10, 10, generator=torch.Generator().manual_seed(0))
    alpha = (torch.arange(100).reshape(10, 10) % 3 > 0).float()
    image = Image(pixels, alpha)
    made = component("color.equalize")(image).pixels
    assert torch.equal(made[:, alpha == 0], pixels[:, alpha == 0])
    assert torch.equal(component("color.equalize", strength=0.0)(image).pixels, pixels)


def test_one_bright_pixel_does_not_make_all_others_alike():
    plane = (eight_bit(6) * 255 // 16).astype(np.float32) / 16
    plane[3, 3] = 1e6
    made = component("color.equalize", channels="each")(grey(plane)).pixels.numpy()
    assert len(np.unique(made)) > 500


def test_codings_are_kept_apart():
    coded = Image(torch.rand(3, 12, 9, generator=torch.Generator().manual_seed(0)))
    light = component("image.convert", space="linear")(coded)
    with pytest.raises(DataError, match="in one coding"):
        component("color.midway", channels="each")(coded, light)
    pair = component("color.midway")(coded, light)
    back = component("image.convert", space="srgb")(pair.b)
    assert torch.allclose(pair.a.pixels, back.pixels, atol=1e-4)
    plain = Image(light.pixels[:1], space="linear")
    made = component("color.specify", channels="each")(plain, coded)
    luminance = component("image.convert", space="gray")(light).pixels
    from otframe.parts.convert import to_linear

    assert float(made.pixels.mean()) == pytest.approx(float(to_linear(luminance).mean()), abs=5e-3)


def test_what_is_wrong_with_the_reference_is_told_of_the_reference():
    good, bad = Image(torch.rand(3, 5, 5)), Image(torch.full((3, 5, 5), torch.nan))
    with pytest.raises(DataError, match="finite") as caught:
        component("color.specify")(good, bad)
    assert caught.value.port == "reference"


def test_half_precision_keeps_its_bits():
    image = Image(torch.rand(3, 20, 20, generator=torch.Generator().manual_seed(0)).half())
    made = component("color.equalize")(image)
    wanted = component("color.equalize")(Image(image.pixels.float()))
    assert made.pixels.dtype == torch.float16
    assert torch.allclose(made.pixels.float(), wanted.pixels, atol=2e-3)
