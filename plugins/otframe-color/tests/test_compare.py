"""The table of recoloured images: distances that are known, artefacts of the picture as it is written."""

import pytest
import torch
from otframe_color.cloud_value import ColorCloud

from otframe import component
from otframe.errors import ParameterError
from otframe.interfaces import Context, Transform
from otframe.values import Image, PointCloud, Table


def image(seed, stem="a"):
    pixels = 0.3 + 0.2 * torch.rand(3, 24, 30, generator=torch.Generator().manual_seed(seed))
    return Image(pixels, meta={"stem": stem})


def rows(table):
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def compared(*pairs, reference, **options):
    made = component("color.compare", **options)
    states = [made.lift(*pair, reference, ctx=Context(key=str(k))) for k, pair in enumerate(pairs)]
    state = states[0]
    for other in states[1:]:
        state = made.merge(state, other)
    return made.finish(state)


def test_a_shift_has_the_distance_that_it_goes():
    before = image(0)
    after = before.with_grid(before.pixels + 0.25)
    reference = ColorCloud(after.pixels.flatten(1).T.contiguous())
    (row,) = rows(compared((before, after), reference=reference, distance={"use": "sliced.distance"}))
    # along any direction of an orthonormal basis a shift by s has the mean square |s|^2 / 3
    assert row["distance before"] == pytest.approx(0.25, abs=1e-5)
    assert row["distance after"] == pytest.approx(0, abs=1e-6)
    assert row["noise"] == pytest.approx(1, abs=1e-4)
    assert row["gradients"] == pytest.approx(1, abs=1e-6)
    assert row["clipped (%)"] == 0
    assert row["image"] == "a"


def test_what_is_clipped_is_told_and_judged_as_it_is_written():
    before = image(1)
    after = before.with_grid(before.pixels + torch.where(torch.arange(30) < 15, 2.0, 0.0))
    reference = ColorCloud(before.pixels.flatten(1).T.contiguous())
    (row,) = rows(compared((before, after), reference=reference, distance={"use": "color.mean_distance"}))
    assert row["clipped (%)"] == pytest.approx(50)
    assert row["gradients"] < 0.6


def test_several_images_have_a_row_of_means():
    reference = ColorCloud(image(5).pixels.flatten(1).T.contiguous())
    pairs = [(image(k, name), image(k, name)) for k, name in enumerate("xyz")]
    table = compared(*pairs, reference=reference, distance={"use": "color.mean_distance"}, title="All")
    assert isinstance(table, Table)
    assert table.title == "All"
    assert [row["image"] for row in rows(table)] == ["x", "y", "z", "mean"]
    distances = [row["distance after"] for row in rows(table)]
    assert distances[3] == pytest.approx(sum(distances[:3]) / 3)


def test_constant_images_have_empty_cells():
    flat = Image(torch.full((3, 9, 9), 0.5))
    reference = ColorCloud(torch.rand(50, 3))
    table = compared((flat, flat), (flat, flat), reference=reference, distance={"use": "color.mean_distance"})
    assert all(row["noise"] is None for row in rows(table))
    assert all(row["distance after"] is not None for row in rows(table))


class NoDistance(Transform):
    def __call__(self, source: PointCloud, target: PointCloud) -> Table:
        return Table(("a",), ())


def test_what_measures_no_distance_is_refused():
    from otframe_color.compare import Compare

    with pytest.raises(ParameterError, match="gives no distance but a Table"):
        Compare(distance=NoDistance()).lift(image(0), image(0), ColorCloud(torch.rand(9, 3)), ctx=Context())
