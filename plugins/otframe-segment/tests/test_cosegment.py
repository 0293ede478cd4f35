"""One object in two pictures, with strokes on the first and without any."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from otframe_segment.cosegment import Cosegment
from otframe_segment.values import Scribbles

from otframe.errors import DataError
from otframe.values import Image


def pair(ground=((0.3, 0.5, 0.3), (0.3, 0.35, 0.6)), radii=(11, 14)):
    """An object of two colours, of another size in each, on other grounds."""
    made = []
    for seed, (colour, radius) in enumerate(zip(ground, radii, strict=True)):
        dice = np.random.default_rng(seed)
        height, width = 44 + 6 * seed, 60
        y, x = np.mgrid[:height, :width]
        truth = np.hypot(y - 22, x - 25 - 8 * seed) < radius
        inside = np.where(dice.random((height, width, 1)) < 0.5, (0.8, 0.35, 0.3), (0.85, 0.75, 0.3))
        pixels = np.where(truth[..., None], inside, colour) + 0.04 * dice.standard_normal((height, width, 3))
        made.append((Image.from_numpy(pixels.clip(0, 1).astype(np.float32)), truth))
    return made


def overlap(found, truth):
    own = found.labels.numpy() == 0
    return (own & truth).sum() / max(1, (own | truth).sum())


def test_what_two_pictures_share(ctx):
    (first, a), (second, b) = pair()
    found = Cosegment()(first, second, ctx=ctx)
    assert overlap(found.first, a) > 0.93
    assert overlap(found.second, b) > 0.93
    assert found.first.info.converged
    assert found.first.labels.shape == first.size
    assert found.second.labels.shape == second.size
    assert float(found.first.exemplars.sum()) == 0


def test_strokes_on_the_first_part_what_both_grounds_share(ctx):
    (first, a), (second, b) = pair(ground=((0.3, 0.5, 0.3), (0.3, 0.5, 0.3)))
    unaided = Cosegment()(first, second, ctx=ctx)
    assert overlap(unaided.first, a) < 0.5, "a ground that both share is shared"
    labels = torch.full(first.size, -1)
    labels[20:23, 20:30], labels[2:4, 2:58] = 0, 1
    found = Cosegment()(first, second, Scribbles(labels, ("it", "rest")), ctx=ctx)
    assert overlap(found.first, a) > 0.93
    assert overlap(found.second, b) > 0.93
    assert found.second.names == ("it", "rest")


def test_nothing_in_common_is_nothing_found(ctx):
    first, second = Image(torch.zeros(3, 20, 24)), Image(torch.ones(3, 20, 24))
    found = Cosegment()(first, second, ctx=ctx)
    assert int((found.first.labels == 0).sum()) == int((found.second.labels == 0).sum()) == 0
    assert float(found.first.histograms[0].sum()) in (0.0, pytest.approx(1.0))


def test_large_images_are_refined(ctx):
    (first, a), (second, b) = pair()
    enlarged = [Image(torch.nn.functional.interpolate(i.pixels[None], scale_factor=3)[0]) for i in (first, second)]
    found = Cosegment(side=64)(*enlarged, ctx=ctx)
    assert overlap(found.first, np.kron(a, np.ones((3, 3), bool))) > 0.9
    assert overlap(found.second, np.kron(b, np.ones((3, 3), bool))) > 0.9


def test_three_regions_are_refused(ctx):
    (first, _), (second, _) = pair()
    labels = torch.full(first.size, -1)
    labels[0, :3] = torch.arange(3)
    with pytest.raises(DataError, match="got 3"):
        Cosegment()(first, second, Scribbles(labels, ("a", "b", "c")), ctx=ctx)
