"""Regions of pictures whose regions are known, at any size, and what cannot be segmented."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from otframe_segment.regions import Regions
from otframe_segment.values import Scribbles

from otframe.errors import DataError
from otframe.interfaces import Context
from otframe.values import Image


def overlap(labels, truth, region=0):
    own = labels.numpy() == region
    return (own & truth).sum() / (own | truth).sum()


def test_a_disc(disc, ctx):
    image, scribbles, truth = disc()
    found = Regions()(image, scribbles, ctx=ctx)
    assert overlap(found.labels, truth) > 0.95
    assert found.info.converged
    assert 0 <= found.info.residual <= 5e-3
    assert found.binary > 0.9
    assert torch.allclose(found.relaxed.sum(0), torch.ones(image.size))
    assert torch.allclose(found.histograms.sum(1), torch.ones(2).double())
    assert torch.equal(found.labels[scribbles.labels >= 0], scribbles.labels[scribbles.labels >= 0])


def test_the_same_seed_gives_the_same_bits(disc):
    image, scribbles, _ = disc()
    first, second = (Regions()(image, scribbles, ctx=Context(seed=5)) for _ in range(2))
    assert torch.equal(first.relaxed, second.relaxed)


def test_three_regions(ctx):
    dice = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), 20)[None].repeat(40, 0)
    pixels = np.array([(0.6, 0.3, 0.3), (0.3, 0.5, 0.3), (0.3, 0.3, 0.7)])[truth] + 0.08 * dice.standard_normal(
        (40, 60, 3)
    )
    labels = torch.full((40, 60), -1)
    for k in range(3):
        labels[15:25, 20 * k + 9] = k
    found = Regions()(Image.from_numpy(pixels.clip(0, 1)), Scribbles(labels, ("a", "b", "c")), ctx=ctx)
    assert all(overlap(found.labels, truth == k, k) > 0.95 for k in range(3))


def test_shares_count_where_the_capacity_is_small(ctx):
    """Both regions are of the same two greys, in other shares: colours alone tell nothing."""
    dice = np.random.default_rng(0)
    light = dice.random((40, 80)) < np.where(np.arange(80) < 40, 0.85, 0.15)
    pixels = np.where(light, 0.8, 0.3)[..., None].repeat(3, 2)
    labels = torch.full((40, 80), -1)
    labels[:, 5:8], labels[:, 72:75] = 0, 1
    truth = np.arange(80)[None].repeat(40, 0) < 40
    given = Image.from_numpy(pixels), Scribbles(labels, ("light", "dark"))
    told = Regions(capacity=1.0, entropy=0.0, texture=0.0, smoothness=6.0)(*given, ctx=ctx)
    assert overlap(told.labels, truth) > 0.9


def test_scribbles_that_show_other_shares_need_capacity(ctx):
    """Nine tenths of the object are of a colour that makes up a tenth of its strokes."""
    pixels = np.full((40, 60, 3), 0.5)
    pixels[:, :40] = (0.8, 0.3, 0.3)
    pixels[:, :4] = (0.3, 0.8, 0.3)
    labels = torch.full((40, 60), -1)
    labels[:, :3], labels[20, 3:16], labels[:, 55] = 0, 0, 1
    given = Image.from_numpy(pixels), Scribbles(labels, ("object", "background"))
    truth = np.arange(60)[None].repeat(40, 0) < 40
    assert overlap(Regions(capacity=8.0, texture=0.0)(*given, ctx=ctx).labels, truth) > 0.99


@pytest.mark.parametrize("space", ["gray", "linear"])
def test_other_spaces(disc, ctx, space):
    image, scribbles, truth = disc(noise=0.01)
    pixels = image.pixels[:1] if space == "gray" else image.pixels
    found = Regions(texture=0.0)(replace(image, pixels=pixels, space=space), scribbles, ctx=ctx)
    assert overlap(found.labels, truth) > 0.9


def test_refits_and_edges(disc, ctx):
    image, scribbles, truth = disc()
    found = Regions(refits=2, edges=1.0)(image, scribbles, ctx=ctx)
    assert overlap(found.labels, truth) > 0.95


def test_a_large_image_is_refined(disc, ctx):
    image, scribbles, truth = disc(480, 640)
    coarse = Regions(side=64, texture=0.0)(image, scribbles, ctx=ctx)
    assert coarse.labels.shape == (480, 640)
    assert overlap(coarse.labels, truth) > 0.985
    small = Regions(side=64, texture=0.0)(*disc(48, 64)[:2], ctx=ctx)
    assert coarse.info.iterations < 4 * small.info.iterations + 400


def test_scribbles_on_a_smaller_copy(disc, ctx):
    image, _, truth = disc(96, 128)
    scribbles = disc(48, 64)[1]
    assert overlap(Regions()(image, scribbles, ctx=ctx).labels, truth) > 0.95
    with pytest.raises(DataError, match="proportions"):
        Regions()(image, Scribbles(scribbles.labels[:, :30].contiguous(), scribbles.names), ctx=ctx)


def test_nothing_to_tell_the_regions_apart(disc, ctx):
    _, scribbles, _ = disc()
    found = Regions()(Image(torch.full((3, 48, 64), 0.5)), scribbles, ctx=ctx)
    assert bool(torch.isfinite(found.relaxed).all())
    assert torch.equal(found.labels[scribbles.labels >= 0], scribbles.labels[scribbles.labels >= 0])
    assert found.palette.shape[0] == 1


def test_one_pixel(ctx):
    scribbles = Scribbles(torch.zeros(1, 1, dtype=torch.int64), ("object", "background"))
    with pytest.raises(DataError, match="'background' has no stroke"):
        Regions()(Image(torch.rand(3, 1, 1)), scribbles, ctx=ctx)
    two = Scribbles(torch.tensor([[0, 1]]), ("object", "background"))
    found = Regions()(Image(torch.rand(3, 1, 2)), two, ctx=ctx)
    assert torch.equal(found.labels, two.labels)


def test_what_cannot_be_segmented(disc, ctx):
    image, scribbles, _ = disc()
    with pytest.raises(DataError, match="two regions or more, got 1"):
        Regions()(image, Scribbles(scribbles.labels.clamp(max=0), ("object",)), ctx=ctx)
    with pytest.raises(DataError, match="no stroke over a visible pixel"):
        Regions()(replace(image, alpha=torch.zeros(image.size)), scribbles, ctx=ctx)
    spoilt = image.pixels.clone()
    spoilt[1, 3, 4] = torch.nan
    with pytest.raises(DataError, match="finite"):
        Regions()(replace(image, pixels=spoilt), scribbles, ctx=ctx)
    with pytest.raises(DataError, match="space"):
        Regions()(replace(image, space="lab"), scribbles, ctx=ctx)


def test_few_iterations_are_told(disc, ctx):
    image, scribbles, _ = disc()
    found = Regions(max_iter=1, tolerance=1e-6)(image, scribbles, ctx=ctx)
    assert not found.info.converged
    assert found.info.residual > 1e-6


@pytest.mark.data
def test_a_texture_in_a_photograph(data, ctx):
    import cv2

    photo = cv2.imread(str(data / "photos" / "CBSD68" / "12084.png"))[..., ::-1].copy()
    stones = cv2.imread(str(data / "textures" / "gatys_pebbles.jpg"))[..., ::-1]
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]]
    truth = np.hypot(y - 150, x - 160) < 95
    photo[55:245, 65:255][truth[55:245, 65:255]] = stones[10:200, 10:200][truth[55:245, 65:255]]
    labels = torch.full(truth.shape, -1)
    labels[150:153, 80:230] = 0
    labels[20:23, 10:460] = labels[300:303, 10:460] = labels[20:300, 400:403] = 1
    start = time.perf_counter()
    found = Regions()(Image.from_numpy(photo), Scribbles(labels, ("object", "background")), ctx=ctx)
    assert overlap(found.labels, truth) > 0.9
    assert found.info.converged
    assert time.perf_counter() - start < 60, "seconds, not minutes"


@pytest.mark.parametrize("side", [512, 64])
@pytest.mark.parametrize("height", [1, 2])
def test_strips_of_pixels(ctx, side, height):
    labels = torch.full((height, 300), -1)
    labels[:, 0], labels[:, -1] = 0, 1
    pixels = torch.where(torch.arange(300) < 120, 0.2, 0.7).expand(3, height, 300).contiguous()
    found = Regions(side=side, texture=0.0)(Image(pixels), Scribbles(labels, ("a", "b")), ctx=ctx)
    assert abs(int((found.labels[0] == 0).sum()) - 120) <= 2


def test_what_is_outside_the_display_range(disc, ctx):
    image, scribbles, truth = disc()
    bright = replace(image, pixels=image.pixels * 20 - 0.5, space="linear")
    found = Regions()(bright, scribbles, ctx=ctx)
    assert bool(torch.isfinite(found.relaxed).all())
    assert overlap(found.labels, truth) > 0.9
