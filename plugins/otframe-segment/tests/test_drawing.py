"""Scribbles drawn and read, and what is made of a segmentation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from otframe_segment.judge import Judge
from otframe_segment.mask import RegionMask
from otframe_segment.overlay import Overlay
from otframe_segment.samples import segmentation
from otframe_segment.score import Score
from otframe_segment.scribbles import ReadScribbles
from otframe_segment.strokes import Strokes
from otframe_segment.values import COLOURS, Scribbles, Segmentation
from pydantic import ValidationError

from otframe.errors import DataError
from otframe.interfaces import Context, Solver
from otframe.values import Image, PointCloud, SolveInfo, Transport


def halves(height=20, width=30, names=("left", "right")):
    labels = (torch.arange(width) >= width // 2).long()[None].repeat(height, 1)
    relaxed = torch.stack([(labels == k).float() for k in range(len(names))])
    found = torch.eye(len(names), dtype=torch.float64)
    palette = torch.arange(len(names)).float()[:, None].repeat(1, 3)
    return Segmentation(labels, relaxed, names, palette, found, found, 0.0, SolveInfo())


def test_what_is_drawn_is_read():
    image = Image(torch.rand(3, 60, 90))
    lines = {colour: ((0.1 + 0.12 * k, 0.2, 0.1 + 0.12 * k, 0.8),) for k, colour in enumerate(COLOURS)}
    drawn = Strokes(strokes=lines)(image)
    assert drawn.size == image.size
    assert set(drawn.alpha.unique().tolist()) == {0.0, 1.0}
    found = ReadScribbles()(drawn)
    assert found.names == ("object", "background", "green", "yellow", "magenta", "cyan", "white")
    for k in range(len(COLOURS)):
        assert int(found.labels[30, round((0.1 + 0.12 * k) * 89)]) == k
    assert int(found.labels[5, 5]) == -1


def test_soft_dark_and_jpeg_strokes():
    pixels = np.zeros((20, 30, 3), np.float32)
    pixels[5, 3:20] = (0.75, 0.1, 0.12)
    pixels[15, 3:20] = (0.08, 0.05, 0.6)
    pixels[10] = 0.5  # grey is no stroke
    found = ReadScribbles(names=("a", "b"))(Image.from_numpy(pixels))
    assert found.names == ("a", "b")
    assert (found.labels == 0).sum() == (found.labels == 1).sum() == 17


def test_drawings_without_strokes():
    with pytest.raises(DataError, match="no stroke"):
        ReadScribbles()(Image(torch.zeros(3, 4, 4)))
    with pytest.raises(DataError, match="no stroke"):
        ReadScribbles()(Image(torch.tensor([1.0, 0, 0])[:, None, None].expand(3, 4, 4), torch.zeros(4, 4)))
    with pytest.raises(DataError, match="finite"):
        ReadScribbles()(Image(torch.full((3, 4, 4), torch.nan)))


@pytest.mark.parametrize(
    "strokes", [{"pink": ((0.1, 0.1),)}, {"red": ((0.1,),)}, {"red": ((0.1, 1.2),)}, {"red": ((),)}]
)
def test_strokes_that_cannot_be_drawn(strokes):
    with pytest.raises(ValidationError):
        Strokes(strokes=strokes)


def test_names_are_different():
    with pytest.raises(ValidationError):
        ReadScribbles(names=("a", "a"))
    with pytest.raises(ValidationError):
        ReadScribbles(names=("green",) * 1 + ("a", "white"))


def test_masks():
    found = halves()
    mask = RegionMask(region="right")(found)
    assert mask.space == "gray"
    assert torch.equal(mask.pixels[0], found.labels.float())
    assert torch.equal(RegionMask()(found).pixels + mask.pixels, torch.ones(1, 20, 30))
    with pytest.raises(DataError, match="no region 'middle'"):
        RegionMask(region="middle")(found)
    soft = RegionMask(soft=True)(segmentation(0)).pixels
    assert 0 < float(soft.mean()) < 1
    assert len(soft.unique()) > 3


def test_the_overlay_tints_and_parts():
    image = Image(torch.full((3, 20, 30), 0.5), torch.rand(20, 30))
    shown = Overlay(line=0.0, strength=0.3)(image, halves())
    left, right = shown.pixels[:, :, :15], shown.pixels[:, :, 15:]
    assert float(left[0].min()) > float(left[2].max()), "the first is warm"
    assert float(right.max()) < 0.5, "the background is darker"
    assert shown.alpha is image.alpha
    lined = Overlay(line=0.05, strength=0.0)(image, halves())
    assert float(lined.pixels[:, 10, 15].min()) > 0.7, "a light line"
    assert float(lined.pixels[:, 10].min()) < 0.45, "in a dark one"
    assert torch.allclose(lined.pixels[:, 10, 3], torch.full((3,), 0.5))
    assert 0 <= float(lined.pixels.min()) <= float(lined.pixels.max()) <= 1
    with pytest.raises(DataError, match="size"):
        Overlay()(Image(torch.rand(3, 5, 5)), halves())


def test_scores_by_hand():
    truth = torch.zeros(1, 20, 30)
    truth[:, :, :10] = 1
    table = Score()(halves(), Image(truth, None, "gray"))
    assert table.rows[0] == ("left", pytest.approx(10 / 15), pytest.approx(10 / 15), 1.0)
    assert table.rows[1] == ("right", pytest.approx(15 / 20), 1.0, pytest.approx(15 / 20))
    assert table.rows[2][1] == pytest.approx((10 / 15 + 15 / 20) / 2)
    perfect = Score(region="right")(halves(), Image(halves().labels[None].float(), None, "gray"))
    assert perfect.rows[0][:2] == ("right", 1.0)


def test_scores_of_coloured_truth():
    labels = halves(names=("a", "b", "c"))
    table = torch.tensor([COLOURS["red"], COLOURS["blue"]])
    truth = Image(table[labels.labels].permute(2, 0, 1).contiguous())
    found = Score()(labels, truth).rows
    assert [row[1] for row in found] == [1.0, 1.0, None, 1.0], "c is neither there nor found"


def test_scores_of_another_size():
    with pytest.raises(DataError, match="size"):
        Score()(halves(), Image(torch.rand(1, 5, 5), None, "gray"))


class Means(Solver):
    """The squared distance of means: a stand-in for a transport."""

    references = ("rabin2015convex",)

    def solve(self, source: PointCloud, target: PointCloud) -> Transport:
        """The cost alone."""
        means = [(cloud.points * cloud.weights[:, None]).sum(0) for cloud in (source, target)]
        return Transport(float((means[0] - means[1]).square().sum()), SolveInfo())


def test_judged_by_a_solver():
    found = segmentation(1)
    alone, named = (Judge(solver=solver)(found, ctx=Context()) for solver in (None, Means()))
    assert alone.columns[-1] == "mean colour"
    assert named.columns[-1] == "transport distance"
    for one, other in zip(alone.rows, named.rows, strict=True):
        assert one[2] == pytest.approx(other[2])
    assert sum(row[1] for row in named.rows) == pytest.approx(1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Scribbles(torch.zeros(3, 3), ("a",)),
        lambda: Scribbles(torch.full((3, 3), 2), ("a", "b")),
        lambda: Scribbles(torch.zeros(3, 3, dtype=torch.int64), ("a", "a")),
        lambda: Segmentation(
            torch.zeros(3, 3, dtype=torch.int64), torch.zeros(2, 3, 4), ("a", "b"), torch.rand(4, 3),
            torch.rand(2, 4), torch.rand(2, 4), 0.0, SolveInfo(),
        ),
    ],
)  # fmt: skip
def test_values_that_are_no_labels(make):
    with pytest.raises(DataError):
        make()
